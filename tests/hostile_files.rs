//! What the tool makes of files that are broken, misspelt, or made to harm.

#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SUITE: &str = "policies/tool-allowlist";

fn accesspolicy(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .args(arguments)
        .current_dir(ROOT)
        .output()
        .expect("it runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-files-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A folder with tests that pass.
fn suite(test: &str) -> PathBuf {
    let folder = folder(test);
    for name in ["policy.yaml", "enforcement-point.yaml", "tests.yaml"] {
        let from = Path::new(ROOT).join(SUITE).join(name);
        fs::copy(from, folder.join(name)).expect("a copy");
    }
    folder
}

#[test]
fn no_tests_of_a_folder_are_left_out() {
    let folder = suite("left-out");
    let path = folder.to_str().unwrap();
    let tests = fs::read_to_string(folder.join("tests.yaml")).unwrap();
    let output = accesspolicy(&["test", path]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("note: 2 files hold no decision tests"));

    let misspelt = folder.join("more.yaml");
    for text in [
        tests.replace("kind: DecisionTests", "kind: DecisionTest"),
        tests.replace("kind: DecisionTests", "Kind: DecisionTests"),
        format!("{tests}\n  - [\n"),
    ] {
        fs::write(&misspelt, text).unwrap();
        let output = accesspolicy(&["test", path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("more.yaml"), "{output:?}");
        assert_eq!(stdout(&output), "");
    }

    // Something else is no tests, and is none of ours.
    fs::write(&misspelt, "{\"name\": \"other\", \"tests\": []}").unwrap();
    let output = accesspolicy(&["test", path]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("note: 3 files hold no decision tests"));
}

#[test]
fn where_no_test_was_run_none_has_passed() {
    let folder = suite("none");
    let path = folder.to_str().unwrap();
    let file = folder.join("tests.yaml");
    let tests = fs::read_to_string(&file).unwrap();
    let (front, _) = tests.split_once("\ntests:").unwrap();
    fs::write(&file, format!("{front}\ntests: []\n")).unwrap();
    for empty in [true, false] {
        if !empty {
            fs::remove_file(&file).unwrap();
        }
        let output = accesspolicy(&["test", path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with("error: no test was run"));
        assert_eq!(stderr(&output).lines().count(), 1);
    }
}

/// What a command says that reads this path for a manifest.
fn validates(path: &str) -> Output {
    accesspolicy(&["validate", path])
}

#[test]
#[cfg(target_os = "linux")]
fn links_to_what_is_no_file_are_not_read() {
    let folder = folder("links");
    for target in [
        "/proc/self/environ",
        "/proc/self/status",
        "/dev/zero",
        "/dev/null",
        "/sys/kernel/uevent_seqnum",
    ] {
        let link = folder.join("link.yaml");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(target, &link).unwrap();
        for path in [link.to_str().unwrap(), target] {
            let output = validates(path);
            assert_eq!(output.status.code(), Some(2), "{path}: {output:?}");
            assert!(stderr(&output).starts_with("error: cannot read `"));
            assert_eq!(stderr(&output).lines().count(), 1, "{output:?}");
        }
    }

    // A link to a file is one.
    let link = folder.join("policy.yaml");
    let policy = Path::new(ROOT).join(SUITE).join("policy.yaml");
    std::os::unix::fs::symlink(&policy, &link).unwrap();
    assert_eq!(validates(link.to_str().unwrap()).status.code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn pipes_are_read_as_files_are() {
    for script in [
        "cat policy.yaml | \"$0\" validate -",
        "cat policy.yaml | \"$0\" validate /dev/stdin",
        "\"$0\" validate /dev/stdin < policy.yaml",
        "\"$0\" validate <(cat policy.yaml)",
    ] {
        let output = Command::new("bash")
            .args(["-c", script, env!("CARGO_BIN_EXE_accesspolicy")])
            .current_dir(Path::new(ROOT).join(SUITE))
            .output()
            .expect("bash");
        assert_eq!(output.status.code(), Some(0), "{script}: {output:?}");
    }
    let script = "head -c 70000000 /dev/zero | \"$0\" validate -";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_accesspolicy")])
        .output()
        .expect("bash");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("more than 64 MiB"), "{output:?}");
}

#[test]
fn what_is_no_text_is_not_shown() {
    let folder = folder("no-text");
    let file = folder.join("a.yaml");
    let path = file.to_str().unwrap();
    for (text, is_shown) in [
        ("password: [hunter2\0TOKEN=x\0", false),
        ("# \u{1b}\npassword: [hunter2\n", false),
        ("# \ttext\r\npassword: [hunter2", true),
    ] {
        fs::write(&file, text).unwrap();
        let output = validates(path);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(stderr(&output).contains("hunter2"), is_shown, "{output:?}");
        assert!(stderr(&output).contains("a.yaml:"), "{output:?}");
    }
}

const HIDDEN: &str = "\u{200b}\u{200e}\u{61c}\u{2028}\u{2060}\u{feff}\u{ad}\u{206a}\u{3164}\u{115f}\u{ffa0}\u{2800}\u{e0041}\u{fe0f}\u{202e}\u{2066}\u{9b}";

const POINT: &str = "\
apiVersion: accesspolicy/v1
kind: EnforcementPoint
gateway: {namespace: infra, name: prod}
";

/// A policy that allows these tools, compiled.
fn compiled(folder: &Path, name: &str, tools: &[String]) -> String {
    let tools = serde_json::to_string(tools).unwrap();
    let policy = format!(
        "apiVersion: agentic.networking.x-k8s.io/v1alpha1
kind: XAccessPolicy
metadata: {{name: p, namespace: infra}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: prod}}]
  action: Allow
  rules:
    - name: r
      authorization:
        type: Inline
        mcp: {{methods: [{{name: tools/call, params: {tools}}}]}}
"
    );
    let path = |file: &str| folder.join(file).to_str().unwrap().to_owned();
    let (policies, point) = (path(&format!("{name}.yaml")), path("point.yaml"));
    fs::write(&policies, policy).unwrap();
    fs::write(&point, POINT).unwrap();
    let target = path(&format!("{name}.json"));
    let output = accesspolicy(&[
        "compile",
        &policies,
        "--enforcement-point",
        &point,
        "-o",
        &target,
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    target
}

/// What is not seen is shown by its number, and JSON means what it meant.
#[test]
fn nothing_hidden_is_printed() {
    let folder = folder("hidden");
    let tools: Vec<String> = HIDDEN
        .chars()
        .map(|letter| format!("ec{letter}ho"))
        .collect();
    let mut said = Vec::new();
    for tools in tools.chunks(8) {
        let old = compiled(&folder, "old", &["größe".to_owned()]);
        let new = compiled(&folder, "new", tools);
        for arguments in [
            &["effective", "--config", &new][..],
            &["effective", "--config", &new, "--output", "json"],
            &["effective", "--diff", &old, &new],
            &["effective", "--diff", &old, &new, "--output", "json"],
            &["render", "--format", "envoy", "--config", &new],
        ] {
            let output = accesspolicy(arguments);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            said.push(stdout(&output).to_owned());
        }
        let output = accesspolicy(&["effective", "--config", &new, "--output", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let grants = json["grants"].as_array().unwrap();
        assert!(
            tools
                .iter()
                .all(|tool| grants.iter().any(|g| g["tool"] == **tool))
        );
        said.push(fs::read_to_string(&new).unwrap());
    }
    let cases = tools
        .iter()
        .map(|tool| serde_json::json!({"name": tool, "call": "tools/list", "expect": "allow"}));
    let suite = serde_json::json!({
        "apiVersion": "accesspolicy/v1",
        "kind": "DecisionTests",
        "policies": ["old.yaml"],
        "enforcementPoint": "point.yaml",
        "tests": cases.collect::<Vec<_>>(),
    });
    let (tests, junit) = (folder.join("tests.json"), folder.join("junit.xml"));
    fs::write(&tests, suite.to_string()).unwrap();
    let (tests, junit) = (tests.to_str().unwrap(), junit.to_str().unwrap());
    let output = accesspolicy(&["test", tests, "--junit", junit]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    said.push(stdout(&output).to_owned());
    said.push(fs::read_to_string(junit).unwrap());
    // Where it is drawn as well.
    fs::write(folder.join("new.yaml"), format!("kind: {HIDDEN}\nspec: [")).unwrap();
    let output = accesspolicy(&["validate", folder.join("new.yaml").to_str().unwrap()]);
    said.push(stderr(&output).to_owned());
    for text in &said {
        let found = text.chars().find(|letter| HIDDEN.contains(*letter));
        assert_eq!(found, None, "{text}");
    }
    assert!(said.iter().any(|text| text.contains("größe")));
}

#[test]
fn one_name_does_not_read_as_several() {
    let folder = folder("names");
    let tools = ["echo, get-sum", "any other tool", "plain"].map(str::to_owned);
    let config = compiled(&folder, "names", &tools);
    let output = accesspolicy(&["effective", "--config", &config]);
    let text = stdout(&output);
    let row = "tools/call \"any other tool\", \"echo, get-sum\", plain";
    assert!(text.replace("\n    ", " ").contains(row), "{text}");
    assert!(text.contains("    \"any other tool\" "), "{text}");
    assert!(text.contains("    any other tool  "), "{text}");
}

/// What is wrong is drawn up to a number and a width, however much there is of it.
#[test]
fn what_is_drawn_is_bounded() {
    let folder = folder("much");
    let file = folder.join("a.json");
    let path = file.to_str().unwrap();
    let head =
        "\"apiVersion\": \"agentic.networking.x-k8s.io/v1alpha1\", \"kind\": \"XAccessPolicy\"";
    for (count, more) in [(20_000, true), (40, false)] {
        let fields: Vec<String> = (0..count)
            .map(|number| format!("\"x{number}\": 1"))
            .collect();
        fs::write(
            &file,
            format!("{{{head}, \"spec\": {{{}}}}}", fields.join(", ")),
        )
        .unwrap();
        let started = Instant::now();
        let output = validates(path);
        assert!(started.elapsed() < Duration::from_secs(20));
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        let drawn = said
            .lines()
            .filter(|line| line.starts_with("error: "))
            .count();
        assert_eq!(drawn == 100, more, "{drawn}");
        assert!(said.contains("`x39`"));
        assert_eq!(said.contains("more, which are not shown"), more, "{said}");
        assert!(
            said.lines().all(|line| line.chars().count() < 250),
            "{said}"
        );
    }
}

/// Answers one request, and is done.
fn answering(answer: Vec<u8>) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(&answer);
    });
    (address, thread)
}

/// Where an admin interface sends its client on to, that is not asked.
#[test]
fn no_redirection_of_an_admin_interface_is_followed() {
    let folder = folder("redirected");
    let config = compiled(&folder, "any", &["a".to_owned()]);
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let to = target.local_addr().unwrap();
    let answer =
        format!("HTTP/1.1 302 Found\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n");
    let (address, thread) = answering(answer.into_bytes());
    let output = accesspolicy(&["check", "--config", &config, "--envoy", &address]);
    thread.join().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("is no admin interface"),
        "{output:?}"
    );
    assert!(target.accept().is_err());
    // One that answers is believed.
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"configs\": []}"[..].to_vec();
    let (address, thread) = answering(answer);
    let output = accesspolicy(&["check", "--config", &config, "--envoy", &address]);
    thread.join().unwrap();
    assert!(
        !stderr(&output).contains("is no admin interface"),
        "{output:?}"
    );
}

const MODULE: &str = "accesspolicy 1.2.3 (commit c0ffee of 2026-01-02T03:04:05Z, policy schema 1)";

#[test]
fn only_an_image_gives_way_to_an_image() {
    let folder = folder("images");
    let module = folder.join("a.wasm");
    let custom = [&[MODULE.len() as u8 + 1, 0][..], MODULE.as_bytes()].concat();
    fs::write(&module, [&b"\0asm\x01\0\0\0\0"[..], &custom].concat()).unwrap();
    let (module, image) = (module.to_str().unwrap(), folder.join("image"));
    let package = || accesspolicy(&["package", "--module", module, "-o", image.to_str().unwrap()]);
    for _ in 0..2 {
        assert_eq!(package().status.code(), Some(0), "{:?}", package());
    }
    for other in ["notes.txt", "blobs/notes.txt", "blobs/sha256/notes.txt"] {
        fs::write(image.join(other), "mine").unwrap();
        let output = package();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains("something other than an image"));
        assert_eq!(fs::read(image.join(other)).unwrap(), b"mine");
        assert!(image.join("index.json").is_file());
        fs::remove_file(image.join(other)).unwrap();
    }
    assert_eq!(package().status.code(), Some(0));
}

/// Patterns that take long to build are refused in sum before all are built.
#[test]
fn the_work_of_regular_expressions_is_bounded() {
    let folder = folder("patterns");
    let file = folder.join("a.yaml");
    for (count, repetition, is_refused) in [(3000, "{20,900}", true), (300, "+", false)] {
        let policies = (0..count / 10).map(|policy| {
            let headers = (0..10).map(|header| {
                let value = format!("{policy}{header}[a-z]{repetition}[0-9]");
                let value = serde_json::to_string(&value).unwrap();
                format!("{{name: x-{header}, type: RegularExpression, value: {value}}}")
            });
            let headers: Vec<String> = headers.collect();
            format!(
                "---
apiVersion: agentic.networking.x-k8s.io/v1alpha1
kind: XAccessPolicy
metadata: {{name: p{policy}, namespace: infra}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: prod}}]
  action: Allow
  rules:
    - name: r
      source: {{type: SPIFFE, spiffe: spiffe://d/c}}
      authorization:
        type: Inline
        headers: [{}]
",
                headers.join(", ")
            )
        });
        fs::write(&file, policies.collect::<String>()).unwrap();
        let output = validates(file.to_str().unwrap());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(i32::from(is_refused)), "{said}");
        let wrong = "automata of more than 4 MiB together";
        assert_eq!(
            said.matches(wrong).count(),
            usize::from(is_refused),
            "{said}"
        );
    }
}

/// SECURITY: of a few MiB that are read, the values could take GiB.
#[test]
#[cfg(target_os = "linux")]
fn small_files_do_not_take_much_memory() {
    let folder = folder("memory");
    let policy = "apiVersion: agentic.networking.x-k8s.io/v1alpha1\nkind: XAccessPolicy\n";
    let head = format!("{policy}metadata: {{name: p, namespace: infra}}\nspec:\n  action: Allow\n");
    let rules = format!("{head}  rules:\n");
    let key = "k".repeat(1000);
    let brackets = "too many values: a document has 800000 in brackets at most";
    let memory = "too many values: those of one file take 320 MiB of memory at most";
    for (text, says) in [
        (
            format!("{{\"x\": [{}0]}}", "{\"a\":0},".repeat(1_500_000)),
            brackets,
        ),
        (format!("x: [0{}]\n", ",0".repeat(5_000_000)), brackets),
        (
            format!(
                "[0{}]\n",
                format!("{}\n---\n,0", ",0".repeat(350_000)).repeat(5)
            ),
            "malformed",
        ),
        (
            format!("? {key}\n:\n{}", "  a: 0\n".repeat(1_000_000)),
            memory,
        ),
        // Much is wrong with what is read.
        (
            format!("{rules}{}", "  - 0\n".repeat(400_000)),
            "the list has 400000 items",
        ),
        (
            (0..50_000).fold(head, |text, number| text + &format!("  z{number}: 0\n")),
            "49900 more fields are unknown",
        ),
        (
            format!("{policy}---\n{}", "---\n0\n".repeat(100_000)),
            " more, which are not shown",
        ),
    ] {
        let file = folder.join("a.yaml");
        fs::write(&file, text).unwrap();
        let output = Command::new("bash")
            .args(["-c", "ulimit -v 800000; exec \"$0\" validate \"$1\""])
            .args([env!("CARGO_BIN_EXE_accesspolicy"), file.to_str().unwrap()])
            .output()
            .expect("bash");
        assert_eq!(output.status.code(), Some(1), "{says}: {:?}", output.status);
        let said = stderr(&output).replace("\n       ", "");
        assert!(said.contains(says), "{says}: {:.2000}", said);
        assert!(said.contains("a.yaml:"), "{says}");
    }
}

#[test]
fn the_files_of_a_run_have_a_size_together() {
    let folder = folder("together");
    for number in 0..5 {
        let file = fs::File::create(folder.join(format!("{number}.yaml"))).unwrap();
        file.set_len(60 << 20).unwrap();
    }
    let output = validates(folder.to_str().unwrap());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = stderr(&output);
    assert!(
        said.contains("4.yaml`: with the files before it, it has more than 256 MiB"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1);
}

/// What is skipped in a folder may be the policy that denies.
#[test]
#[cfg(unix)]
fn nothing_of_a_folder_is_skipped_silently() {
    use std::os::unix::fs::symlink;
    let (inside, outside) = (folder("inside"), folder("outside"));
    let policy = fs::read_to_string(Path::new(ROOT).join(SUITE).join("policy.yaml")).unwrap();
    let count = policy.matches("kind: XAccessPolicy").count();
    let hidden = inside.join(".store");
    fs::create_dir(&hidden).unwrap();
    let named = |name: &str| policy.replace("\n  name: ", &format!("\n  name: {name}"));
    for (file, name) in [
        (inside.join("a.yaml"), "a-"),
        (inside.join("b.YAML"), "b-"),
        (inside.join("c.Yml"), "c-"),
        (hidden.join("d.yaml"), "d-"),
        (outside.join("e.yaml"), "e-"),
    ] {
        fs::write(file, named(name)).unwrap();
    }
    symlink(".store", inside.join("linked")).unwrap();
    // Whatever these lead back to.
    symlink(".", inside.join("itself")).unwrap();
    symlink("..", hidden.join("up")).unwrap();
    let path = inside.to_str().unwrap();
    let output = validates(path);
    let says = |output: &Output, policies: usize| {
        let said = stderr(output);
        assert!(said.contains(&format!("{policies} polic")), "{said}");
        said.matches("warning: skipped").count()
    };
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(says(&output, 4 * count), 0);

    symlink(&outside, inside.join("out")).unwrap();
    let output = validates(path);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(says(&output, 4 * count), 1);
    assert!(stderr(&output).contains("/out`, which leads to a folder outside"));
    let denied = accesspolicy(&["validate", path, "--deny-warnings"]);
    assert_eq!(denied.status.code(), Some(1), "{denied:?}");
    let both = accesspolicy(&["validate", path, inside.join("out").to_str().unwrap()]);
    assert_eq!(says(&both, 5 * count), 0);
}

/// A list of objects is read for its policies; of decision tests one file is one document.
#[test]
fn tests_in_a_list_are_not_left_out() {
    let folder = suite("list");
    let tests = fs::read_to_string(folder.join("tests.yaml")).unwrap();
    let item = tests.replace('\n', "\n    ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n  - {item}\n");
    fs::write(folder.join("more.yaml"), list).unwrap();
    let output = accesspolicy(&["test", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = stderr(&output);
    assert!(
        said.contains("`DecisionTests` in a list is not read"),
        "{said}"
    );
}
