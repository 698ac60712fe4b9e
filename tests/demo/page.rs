//! What `--keep` prints: where everything is, calls to make, and how to change the policy.

use std::error::Error;

use serde_json::{Value, json};

use crate::policy::{self, here};
use crate::setup::{Certificates, Running};
use crate::support;

/// The version of MCP that has no sessions: a call stands alone.
const VERSION: &str = "2026-07-28";

/// A change of the policy, as `sed` makes it: the reader may call get-sum, too.
const CHANGE: &str = r"s/params: \[echo\]/params: [echo, get-sum]/";

/// Prints the page.
pub(crate) fn print(running: &Running, certificates: &Certificates) -> Result<(), Box<dyn Error>> {
    let port = running.gateway.port();
    let call = |tool: &str, arguments: &Value| curl(certificates, port, tool, arguments);
    println!("\nEnvoy       https://localhost:{port}/mcp");
    println!("its admin   http://{}", running.envoy.admin());
    println!("its log     {}", running.envoy.log_file().display());
    println!("MCP server  http://{}/mcp", running.server_address);
    println!("\nGo on in another terminal, in this folder:\n");
    println!("cd {}", quoted(&support::root().display().to_string()));
    println!("\nThe reader may call echo (in MCP {VERSION} a call needs no session):\n");
    println!("{}", call("echo", &json!({"message": "hello"})));
    println!("\nThe reader may not call get-sum, and gets error 403:\n");
    println!("{}", call("get-sum", &json!({"a": 2, "b": 3})));
    println!("\nAllow it in a copy of the policy, by this or in an editor:\n");
    println!("{}", change());
    println!("\nGive the copy to Envoy, which takes it at once:\n");
    println!("{}", render()?);
    println!("\nNow the call of get-sum is allowed.\n\nCtrl-C in this terminal stops everything.");
    Ok(())
}

/// The reader's call of a tool, as one command.
fn curl(certificates: &Certificates, port: u16, tool: &str, arguments: &Value) -> String {
    let path = |path| quoted(&here(path));
    let reader = &certificates.reader;
    format!(
        r#"curl --cacert {authority} \
  --cert {certificate} --key {key} \
  -H 'content-type: application/json' \
  -H 'accept: application/json, text/event-stream' \
  -H 'mcp-protocol-version: {VERSION}' \
  -H 'mcp-method: tools/call' -H 'mcp-name: {tool}' \
  -d '{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{
       "name":"{tool}","arguments":{arguments},
       "_meta":{{"io.modelcontextprotocol/protocolVersion":"{VERSION}",
                "io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}' \
  https://localhost:{port}/mcp"#,
        authority = path(&certificates.authority),
        certificate = path(&reader.certificate),
        key = path(&reader.key),
    )
}

/// The command that changes the copy of the policy.
fn change() -> String {
    let copy = quoted(&here(&policy::copy()));
    format!("sed '{CHANGE}' \\\n  {} > {copy}", policy::ORIGINAL)
}

/// The command that gives the copy to Envoy.
fn render() -> Result<String, Box<dyn Error>> {
    let line = |words: &Vec<String>| {
        let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        words.join(" ")
    };
    let lines: Vec<_> = policy::render()?.iter().map(line).collect();
    Ok(lines.join(" \\\n  "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
