//! What is no dump.

use serde_json::json;
use tempfile::TempDir;

use crate::setup::{demo, tool};

#[test]
fn what_is_no_dump_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, _) = demo(folder.path());
    let file = folder.path().join("dump.json");
    for (text, says) in [
        ("", "no JSON"),
        ("{}", "no configuration dump"),
        (r#"{"configs": []}"#, "no configuration dump"),
    ] {
        std::fs::write(&file, text).expect("a file");
        let dump = file.to_str().expect("a path");
        let done = tool(&["check", "--config", &compiled, "--config-dump", dump]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    // Of a dump without the filter, and without listeners.
    let dump = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
    }]});
    std::fs::write(&file, dump.to_string()).expect("a file");
    let dump = file.to_str().expect("a path");
    let done = tool(&["check", "--config", &compiled, "--config-dump", dump]);
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("there is no chain of HTTP filters"), "{said}");
}

/// Small things take much more memory than their text, which is told before it is taken.
#[test]
fn what_takes_too_much_memory_is_not_read() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, _) = demo(folder.path());
    let file = folder.path().join("dump.json");
    let dump = file.to_str().expect("a path");
    let check = || tool(&["check", "--config", &compiled, "--config-dump", dump]);
    let kind = "type.googleapis.com/envoy.admin.v3.ListenersConfigDump";
    let text = |item: &str, count: usize| {
        let items = vec![item; count].join(",");
        format!(r#"{{"configs":[{{"@type":"{kind}"}}],"others":[{items}]}}"#)
    };
    for (item, count) in [(r#"{"a":0}"#, 3_000_000), ("[]", 8_000_000)] {
        std::fs::write(&file, text(item, count)).expect("a file");
        let done = check();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains("MiB of memory"), "{said}");
    }
    let long = format!("\"{}\"", "a".repeat(100));
    std::fs::write(&file, text(&long, 100_000)).expect("a file");
    assert_eq!(check().status.code(), Some(1));
}
