//! What the demo starts: a real MCP server, an authorizer, and Envoy with the configuration that
//! `envoy-config/xds/envoy.yaml` shows, on free ports and with the demo's own file of the filter.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::policy;
use crate::support::certificates::{Authority, Identity};
use crate::support::envoy::Envoy;
use crate::support::process::Process;
use crate::support::{self, yaml};

/// Certificates of the demo, in `target/demo/certs`.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) reader: Identity,
    pub(crate) writer: Identity,
}

/// Everything that runs; Envoy stops first.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) envoy: Envoy,
    pub(crate) gateway: SocketAddr,
    pub(crate) server: Process,
    pub(crate) server_address: SocketAddr,
    pub(crate) authorizer: Process,
}

/// The configuration of its Envoy.
const ENVOY: &str = "envoy-config/xds/envoy.yaml";

/// The demo's folder under `target`.
pub(crate) fn folder() -> PathBuf {
    support::target().join("demo")
}

/// Makes an authority, the gateway's certificate and one for each caller.
pub(crate) fn certificates() -> Result<Certificates, Box<dyn Error>> {
    let authority = Authority::new(&folder().join("certs"), "authority")?;
    authority.server("server")?;
    let caller = |name: &str| {
        let id = format!("spiffe://cluster.local/ns/agents/sa/{name}");
        authority.client(name, &[&id])
    };
    Ok(Certificates {
        authority: authority.certificate(),
        reader: caller("reader")?,
        writer: caller("writer")?,
    })
}

/// Starts the server and the authorizer, and Envoy in front of them.
pub(crate) fn start() -> Result<Running, Box<dyn Error>> {
    // The server's program lies beside this one.
    let program = std::env::current_exe()?.with_file_name("mcp-server");
    let mut server = Process::start(&mut Command::new(program), &folder(), "mcp-server")?;
    let server_address = server.wait_for_output(Duration::from_secs(10), listening)?;

    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.arg(support::root().join("envoy-config/authorizer.py"));
    let mut authorizer = Process::start(&mut command, &folder(), "authorizer")?;
    let authorizer_address = authorizer.wait_for_output(Duration::from_secs(10), listening)?;

    let mut configuration = yaml::read(&support::root().join(ENVOY))?;
    adapt(&mut configuration, [server_address, authorizer_address])?;
    let envoy = Envoy::start(&configuration)?;
    let gateway = envoy.listener("mcp");
    Ok(Running {
        envoy,
        gateway,
        server,
        server_address,
        authorizer,
    })
}

/// What the server ran so far, in order.
pub(crate) fn ran(server: &Process) -> Vec<String> {
    server
        .output()
        .lines()
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let thing = line["name"].as_str().or_else(|| line["uri"].as_str())?;
            Some(format!("{} {thing}", line["ran"].as_str()?))
        })
        .collect()
}

/// How often the authorizer was asked.
pub(crate) fn questions(authorizer: &Process) -> usize {
    let output = authorizer.output();
    output
        .lines()
        .filter(|line| line.contains("\"asked\""))
        .count()
}

fn listening(output: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(output.lines().next()?).ok()?;
    line["listening"].as_str()?.parse().ok()
}

/// Free ports, files wherever this runs from, and the demo's file of the filter.
fn adapt(configuration: &mut Value, clusters: [SocketAddr; 2]) -> Result<(), Box<dyn Error>> {
    let listener = "/static_resources/listeners/0";
    let manager = format!("{listener}/filter_chains/0/filters/0/typed_config");
    let source = format!("{manager}/http_filters/0/config_discovery/config_source");
    let file = format!("{source}/path_config_source/path");
    let port = "address/socket_address/port_value";

    set(configuration, &format!("/admin/{port}"), json!(0))?;
    set(configuration, &format!("{listener}/{port}"), json!(0))?;
    for (number, address) in clusters.iter().enumerate() {
        let cluster = format!("/static_resources/clusters/{number}");
        let endpoint = format!("{cluster}/load_assignment/endpoints/0/lb_endpoints/0/endpoint");
        set(
            configuration,
            &format!("{endpoint}/{port}"),
            json!(address.port()),
        )?;
    }
    set(configuration, &file, json!(policy::filter()))?;
    absolute(configuration);
    Ok(())
}

fn set(configuration: &mut Value, place: &str, value: Value) -> Result<(), Box<dyn Error>> {
    let held = configuration
        .pointer_mut(place)
        .ok_or_else(|| format!("{ENVOY} has nothing at {place}"))?;
    *held = value;
    Ok(())
}

/// Makes every `filename` absolute; those under `target/` may lie elsewhere.
fn absolute(node: &mut Value) {
    match node {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(file) if name == "filename" => {
                        let path = match file.strip_prefix("target/") {
                            Some(rest) => support::target().join(rest),
                            None => support::root().join(file),
                        };
                        *member = json!(path);
                    }
                    _ => absolute(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(absolute),
        _ => {}
    }
}
