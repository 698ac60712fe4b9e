//! Processes from before a hot restart, which no dump shows.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setup::{demo, dumped, tool, with};
use crate::support::envoy::{binary, eventually};
use crate::support::process::Process;

/// An admin interface that answers so, and where it is; what it has no answer to is not found.
fn admin(answers: Vec<(&'static str, Value)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("a connection");
            let mut lines = BufReader::new(&connection).lines();
            let head: Vec<String> = lines
                .by_ref()
                .map(|line| line.expect("a line"))
                .take_while(|line| !line.is_empty())
                .collect();
            let is_asked = |path: &str| head[0].starts_with(&format!("GET /{path}"));
            let found = answers.iter().find(|(path, _)| is_asked(path));
            let (status, body) = match found {
                Some((_, body)) => ("200 OK", body.to_string()),
                None => ("404 Not Found", String::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n");
            let _ = write!(connection, "{head}connection: close\r\n\r\n{body}");
        }
    });
    address
}

/// What Envoy says of itself.
fn info(epoch: u64, state: &str, up: &str, skips: bool) -> Value {
    json!({
        "state": state,
        "uptime_current_epoch": up,
        "command_line_options": {
            "restart_epoch": epoch,
            "parent_shutdown_time": "900s",
            "skip_hot_restart_parent_stats": skips,
        },
    })
}

/// The parent's connections, and after how many milliseconds this one served.
fn stats(connections: u64, start: Value) -> Value {
    let start = json!([{"cumulative": null}, {"cumulative": start, "interval": null}]);
    let times = json!([{"name": "server.initialization_time_ms", "values": start}]);
    json!({"stats": [
        {"name": "server.parent_connections", "value": connections},
        {"histograms": {"computed_quantiles": times}},
    ]})
}

/// The same where statistics of the second kind are dropped.
fn without_start() -> Value {
    json!({"stats": [{"name": "server.parent_connections", "value": 0}]})
}

/// The findings that are wrong and warned of, and the exit code.
fn found(compiled: &str, address: SocketAddr) -> (Vec<String>, Vec<String>, Option<i32>) {
    let envoy = address.to_string();
    let done = tool(&[
        "check", "--config", compiled, "--envoy", &envoy, "--output", "json",
    ]);
    (
        with(&done, "wrong"),
        with(&done, "warning"),
        done.status.code(),
    )
}

/// What it says of a process: the name, `/server_info`, `/stats`, what is wrong, and warned of.
type Look<'a> = (&'a str, Option<Value>, Option<Value>, usize, usize);

#[test]
fn processes_from_before_are_looked_for() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let (dump, _) = dumped(&bootstrap);
    let live = |epoch, up, skips| Some(info(epoch, "LIVE", up, skips));
    let counted = |connections| Some(stats(connections, json!(2000.5)));
    let uncounted = || Some(stats(0, Value::Null));
    let cases: [Look<'_>; 15] = [
        ("none", live(0, "5s", false), None, 0, 0),
        ("gone", live(1, "903s", false), counted(0), 0, 0),
        ("gone, uncounted", live(1, "903s", true), counted(0), 0, 0),
        ("serving", live(1, "905s", false), counted(2), 1, 0),
        ("idle", live(2, "902s", false), counted(0), 0, 1),
        ("not asked", live(2, "902s", true), counted(0), 1, 0),
        ("not flushed", live(1, "5s", false), uncounted(), 1, 0),
        ("never flushed", live(1, "903s", false), uncounted(), 1, 0),
        (
            "this one does not serve",
            Some(info(1, "INITIALIZING", "903s", false)),
            counted(0),
            1,
            0,
        ),
        ("no times", live(1, "x", false), counted(0), 1, 0),
        (
            "no start",
            live(1, "903s", false),
            Some(without_start()),
            0,
            1,
        ),
        (
            "no start, early",
            live(1, "9s", false),
            Some(without_start()),
            1,
            0,
        ),
        ("no statistics", live(1, "903s", false), None, 0, 1),
        ("nothing said", None, None, 0, 1),
        ("something else said", Some(json!({})), None, 0, 1),
    ];
    for (name, info, stats, wrong, warned) in cases {
        let mut answers = vec![("config_dump?include_eds", dump.clone())];
        answers.extend(info.map(|info| ("server_info", info)));
        answers.extend(stats.map(|stats| ("stats?format=json&filter=", stats)));
        let (is_wrong, is_warned, code) = found(&compiled, admin(answers));
        assert_eq!(is_wrong, vec!["parent"; wrong], "{name}");
        assert_eq!(is_warned, vec!["parent"; warned], "{name}");
        assert_eq!(code, Some(i32::from(wrong > 0)), "{name}");
    }
}

/// Starts an Envoy that may hand over to another.
fn start(folder: &Path, name: &str, arguments: &[&str]) -> (Process, SocketAddr) {
    let file = folder.join(format!("{name}.admin"));
    let mut command = Command::new(binary());
    command
        .arg("--config-path")
        .arg(folder.join("envoy.json"))
        .arg("--admin-address-path")
        .arg(&file)
        .args(["--concurrency", "1", "--log-level", "warning"])
        .args(["--parent-shutdown-time-s", "3"])
        .args(arguments);
    let process = Process::start(&mut command, folder, name).expect("Envoy starts");
    let address = || std::fs::read_to_string(&file).ok()?.trim().parse().ok();
    let serves = || {
        let address: SocketAddr = address()?;
        let ready = TcpStream::connect(address).ok()?;
        let _ = write!(&ready, "GET /ready HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut line = String::new();
        BufReader::new(&ready).read_line(&mut line).ok()?;
        line.contains("200").then_some(address)
    };
    let address = (0..12).find_map(|_| eventually(serves));
    let address = address.unwrap_or_else(|| panic!("{}", process.errors()));
    (process, address)
}

/// Where an Envoy listens.
fn listener(admin: SocketAddr) -> SocketAddr {
    let mut connection = TcpStream::connect(admin).expect("Envoy");
    let ask = "GET /listeners HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    connection.write_all(ask.as_bytes()).expect("a request");
    let lines = BufReader::new(connection).lines();
    let mut lines = lines.map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once("::")?.1.parse().ok());
    address.expect("a listener")
}

#[test]
fn envoys_that_are_restarted_hot_have_a_parent_for_a_while() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let folder = folder.path();
    std::fs::write(folder.join("envoy.json"), bootstrap.to_string()).expect("a file");
    let id = folder.join("id");
    let id = id.to_str().expect("a path");
    let first = ["--use-dynamic-base-id", "--base-id-path", id];
    let (_parent, address) = start(folder, "first", &first);
    assert_eq!(found(&compiled, address), (vec![], vec![], Some(0)));
    let first_listener = listener(address);
    let id = std::fs::read_to_string(id).expect("the id");
    // A client that the first goes on serving.
    let client = TcpStream::connect(first_listener).expect("a connection");
    let second = ["--base-id", id.trim(), "--restart-epoch", "1"];
    let (_child, address) = start(folder, "second", &second);
    let wrong = vec!["parent".to_owned()];
    assert_eq!(found(&compiled, address), (wrong, vec![], Some(1)));
    drop(client);
    // Statistics are flushed every five seconds.
    let all_is_well = || (found(&compiled, address) == (vec![], vec![], Some(0))).then_some(());
    let ended = (0..6).find_map(|_| eventually(all_is_well));
    assert!(ended.is_some(), "{:?}", found(&compiled, address));
}
