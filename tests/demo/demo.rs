//! The demo: two callers, their policies, a real Envoy, a real MCP server and an
//! authorizer.
//!
//! `scripts/demo` builds everything and runs this: `demo [--keep]`. With `--keep` it stays
//! up until Ctrl-C or SIGTERM. `demo --certificates` only makes certificates, for running
//! `envoy-config/demo.yaml` by hand.

// The table is what it is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod page;
mod policy;
mod report;
mod session;
mod setup;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use report::Expected;

/// How long one caller's session may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every call of the demo, in order, and what the policies say about it: the
/// reader may call `echo`, the writer `echo` and `get-sum`, nobody `get-env`; and the
/// authorizer allows amounts up to 100.
const EXPECTED: [Expected; 16] = [
    expect("reader", "initialize", true),
    expect("reader", "notifications/initialized", true),
    expect("reader", "tools/list", true),
    expect("reader", "tools/call echo", true),
    expect("reader", "tools/call get-sum 2 3", false),
    expect("reader", "tools/call get-sum 900 3", false),
    expect("reader", "tools/call get-env", false),
    expect("reader", "close (DELETE)", true),
    expect("writer", "initialize", true),
    expect("writer", "notifications/initialized", true),
    expect("writer", "tools/list", true),
    expect("writer", "tools/call echo", true),
    expect("writer", "tools/call get-sum 2 3", true),
    expect("writer", "tools/call get-sum 900 3", false),
    expect("writer", "tools/call get-env", false),
    expect("writer", "close (DELETE)", true),
];

/// How often the authorizer is to be asked: about the sums of the writer.
const QUESTIONS: usize = 2;

const fn expect(caller: &'static str, call: &'static str, allowed: bool) -> Expected {
    Expected {
        caller,
        call,
        allowed,
    }
}

/// What is asked of the demo.
#[derive(Debug, Default)]
struct Wanted {
    keep: bool,
    certificates: bool,
}

fn main() -> ExitCode {
    let wanted = match arguments() {
        Ok(wanted) => wanted,
        Err(wrong) => {
            eprintln!("error: {wrong}\nusage: demo [--keep] | demo --certificates");
            return ExitCode::from(2);
        }
    };
    match run(&wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--keep" => wanted.keep = true,
            "--certificates" => wanted.certificates = true,
            other => return Err(format!("{other} is unknown")),
        }
    }
    Ok(wanted)
}

/// Runs the demo; whether every outcome was the expected one.
fn run(wanted: &Wanted) -> Result<bool, Box<dyn Error>> {
    // Which TLS implementation the HTTP client under the SDK's uses. Refused only
    // when one has been chosen before, which serves as well.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();

    let certificates = setup::certificates()?;
    if wanted.certificates {
        println!("{}", setup::folder().join("certs").display());
        return Ok(true);
    }
    // Envoy looks for the module from where it is started.
    std::env::set_current_dir(support::root())?;
    // From here on a signal stops what has been started, too.
    let mut terminated = support::runtime().block_on(async { signal(SignalKind::terminate()) })?;
    policy::write()?;
    let running = setup::start()?;
    let url = format!("https://localhost:{}/mcp", running.gateway.port());
    let tools = [
        ("echo", json!({"message": "hello"})),
        ("get-sum", json!({"a": 2, "b": 3})),
        ("get-sum", json!({"a": 900, "b": 3})),
        ("get-env", json!({})),
    ];
    let mut seen = Vec::new();
    for (caller, identity) in [
        ("reader", &certificates.reader),
        ("writer", &certificates.writer),
    ] {
        let session = session::run(&url, &certificates.authority, identity, &tools);
        let calls = support::runtime().block_on(async {
            tokio::select! {
                calls = tokio::time::timeout(PATIENCE, session) => calls
                    .map_err(|_| format!("the session of {caller} took over {PATIENCE:?}"))?,
                _ = terminated.recv() => Err("stopped by a signal".into()),
            }
        })?;
        seen.extend(calls.into_iter().map(|call| (caller, call)));
    }

    // Envoy writes its log after the answer; give the last line its time.
    std::thread::sleep(Duration::from_millis(200));
    let good = report::print(&EXPECTED, &seen, &report::refusals(&running.envoy.log()));
    let ran = setup::ran(&running.server);
    println!("\nThe server ran: {}", ran.join(", "));
    let questions = setup::questions(&running.authorizer);
    println!("The authorizer was asked {questions} times");
    let only = ran == wanted_runs();
    if !only {
        println!("It should have run: {}", wanted_runs().join(", "));
    }
    let good = good && only && questions == QUESTIONS;
    println!(
        "{}",
        if good {
            "Every outcome is as expected."
        } else {
            "NOT every outcome is as expected."
        }
    );
    if !good {
        eprintln!("\nEnvoy's log:\n{}", running.envoy.log());
    }
    if wanted.keep {
        page::print(&running, &certificates)?;
        wait(&mut terminated)?;
    }
    Ok(good)
}

/// The calls that are to reach the server.
fn wanted_runs() -> Vec<String> {
    EXPECTED
        .iter()
        .filter(|expected| expected.allowed && expected.call.starts_with("tools/call "))
        .map(|expected| {
            let mut words = expected.call.split(' ').take(2);
            format!(
                "{} {}",
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default()
            )
        })
        .collect()
}

/// Waits to be told to stop.
fn wait(terminated: &mut Signal) -> std::io::Result<()> {
    support::runtime().block_on(async {
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminated.recv() => Ok(()),
        }
    })
}
