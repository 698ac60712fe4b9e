//! The demo: two callers, their policies, a real Envoy, a real MCP server and an
//! authorizer.
//!
//! `scripts/demo` builds everything and runs this with the policy it compiled:
//! `demo --policy FILE [--keep]`. `demo --certificates` only makes certificates,
//! for running `envoy-config/demo.yaml` by hand.

// The table is what it is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod report;
mod session;
mod setup;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use report::Expected;
use setup::{Certificates, Running};

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
    policy: PathBuf,
    keep: bool,
    certificates: bool,
}

fn main() -> ExitCode {
    let wanted = match arguments() {
        Ok(wanted) => wanted,
        Err(wrong) => {
            eprintln!("error: {wrong}\nusage: demo --policy FILE [--keep] | demo --certificates");
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
    let mut wanted = Wanted {
        policy: setup::folder().join("policy.json"),
        ..Wanted::default()
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--policy" => wanted.policy = arguments.next().ok_or("--policy needs a file")?.into(),
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
    let running = setup::start(&wanted.policy)?;
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
        let calls = support::runtime()
            .block_on(async { tokio::time::timeout(PATIENCE, session).await })
            .map_err(|_| format!("the session of {caller} did not end within {PATIENCE:?}"))??;
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
        keep(&running, &certificates)?;
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

/// Says where everything is, and waits to be told to stop.
fn keep(running: &Running, certificates: &Certificates) -> Result<(), Box<dyn Error>> {
    let port = running.gateway.port();
    println!("\nEnvoy       https://localhost:{port}/mcp");
    println!("its admin   http://{}", running.envoy.admin());
    println!("its log     {}", running.envoy.log_file().display());
    println!("MCP server  http://{}/mcp", running.server_address);
    println!("\nThe reader asks for something that only the writer may have:\n");
    println!("curl --cacert {} \\", certificates.authority.display());
    println!("  --cert {} \\", certificates.reader.certificate.display());
    println!("  --key {} \\", certificates.reader.key.display());
    println!("  -H 'content-type: application/json' \\");
    println!("  -H 'accept: application/json, text/event-stream' \\");
    println!("  -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",");
    println!("       \"params\":{{\"name\":\"get-sum\",\"arguments\":{{\"a\":2,\"b\":3}}}}}}' \\");
    println!("  https://localhost:{port}/mcp\n");
    println!("Press Ctrl-C to stop.");
    support::runtime().block_on(async {
        let mut stopped = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = stopped.recv() => Ok(()),
        }
    })?;
    Ok(())
}
