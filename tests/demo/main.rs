//! What `scripts/demo --keep` prints is true: its calls do what it says, its commands change
//! the policy of the running Envoy, and SIGTERM stops all of it.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../support/mod.rs"]
mod support;

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use support::envoy::{binary, eventually};
use support::process::Process;

/// How long the demo may take until its page is there; and until it has stopped.
const PATIENCE: Duration = Duration::from_secs(180);

/// The last words of the page.
const END: &str = "Ctrl-C in this terminal stops everything.";

/// Has `curl` print the status after the body.
const CURL: &str = "curl() { command curl -sS --noproxy '*' -w '\\n%{http_code}' \"$@\"; }";

/// What the reader gets for a call that is not allowed.
const DENIED: &str = r#""error":{"code":403,"#;

#[test]
fn what_is_printed_is_true() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: no curl here");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut demo = Process::start(&mut demo(), folder.path(), "demo").expect("the demo starts");
    let page = demo
        .wait_for_output(PATIENCE, |page| page.contains(END).then(|| page.to_owned()))
        .expect("the page is printed");
    let [go, echo, sum, change, render] = commands(&page);

    let in_folder = |command: &str| shell(&format!("{go}\n{command}"));
    let answer = in_folder(echo);
    assert!(answer.contains("Echo: hello"), "{answer}");
    assert!(answer.ends_with("\n200"), "{answer}");
    let answer = in_folder(sum);
    assert!(answer.contains(DENIED), "{answer}");
    assert!(answer.ends_with("\n200"), "{answer}");

    in_folder(change);
    in_folder(render);
    let allowed = eventually(|| {
        let answer = in_folder(sum);
        (!answer.contains(DENIED)).then_some(answer)
    });
    let answer = allowed.expect("Envoy takes the changed policy");
    assert!(answer.contains(r#""text":"5""#), "{answer}");
    assert!(answer.ends_with("\n200"), "{answer}");

    stop(&mut demo, &page);
}

/// The demo, with `--keep`. `cargo test` builds it.
fn demo() -> Command {
    let this = std::env::current_exe().expect("this program's path");
    let built = this.ancestors().nth(2).expect("the build's folder");
    let mut demo = Command::new(built.join("examples/demo"));
    demo.arg("--keep").env("ENVOY", binary());
    demo
}

/// The commands of the page, which stand alone between empty lines.
fn commands<const N: usize>(page: &str) -> [&str; N] {
    let (_, page) = page.split_once("another terminal").expect("commands");
    let words = ["cd ", "curl ", "sed ", "target/", "/"];
    let is_command = |part: &&str| words.iter().any(|word| part.starts_with(word));
    let found: Vec<_> = page.split("\n\n").filter(is_command).collect();
    found.try_into().expect("as many commands as are known")
}

/// What commands print, which have to succeed.
fn shell(commands: &str) -> String {
    let script = format!("set -e\n{CURL}\n{commands}");
    let output = Command::new("sh").args(["-c", &script]).output();
    let output = output.expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Sends SIGTERM: the demo ends well, and with it what listened.
fn stop(demo: &mut Process, page: &str) {
    let addresses = [
        "Envoy       https://localhost:",
        "MCP server  http://127.0.0.1:",
    ]
    .map(|before| SocketAddr::from(([127, 0, 0, 1], port(page, before))));
    assert!(addresses.iter().all(|at| TcpStream::connect(at).is_ok()));
    let id = i32::try_from(demo.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("an id"), Signal::TERM).expect("it is told to stop");
    let status = demo.wait(PATIENCE).expect("it stops");
    assert!(status.success(), "{status}\n{}", demo.errors());
    assert!(addresses.iter().all(|at| TcpStream::connect(at).is_err()));
}

/// The port behind these words.
fn port(page: &str, before: &str) -> u16 {
    let (_, rest) = page.split_once(before).expect("an address");
    let (port, _) = rest.split_once('/').expect("its end");
    port.parse().expect("a port")
}
