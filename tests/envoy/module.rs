//! The module itself: what it needs of its host, and what it gives away.

use std::collections::BTreeSet;
use std::fs;

use wasmparser::{Parser, Payload};

use crate::support::{filter_module, root};

/// What every Envoy from 1.36 on offers of WASI, and the module needs.
const WASI: [&str; 5] = [
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
];

fn imports(module: &[u8]) -> BTreeSet<(String, String)> {
    let mut imports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload.expect("a module") {
            for import in section.into_imports() {
                let import = import.expect("an import");
                imports.insert((import.module.to_owned(), import.name.to_owned()));
            }
        }
    }
    imports
}

#[test]
fn it_imports_only_what_every_envoy_offers() {
    let imports = imports(&fs::read(filter_module()).expect("the module"));
    let offered = |(module, name): &&(String, String)| match module.as_str() {
        "env" => name.starts_with("proxy_"),
        "wasi_snapshot_preview1" => WASI.contains(&name.as_str()),
        _ => false,
    };
    let others: Vec<_> = imports.iter().filter(|import| !offered(import)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(imports.contains(&("env".to_owned(), "proxy_send_local_response".to_owned())));
}

/// What the host calls: it enters the module for whatever is there, for every request.
const EXPORTS: [&str; 17] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// See `scripts/link`.
#[test]
fn it_exports_only_what_it_has_to_be_called_for() {
    let module = fs::read(filter_module()).expect("the module");
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&module) {
        if let Payload::ExportSection(section) = payload.expect("a module") {
            let exports = section.into_iter().map(|export| export.expect("an export"));
            names.extend(exports.map(|export| export.name.to_owned()));
        }
    }
    assert_eq!(names, EXPORTS.map(str::to_owned).into());
}

/// The same commit is the same module on every machine: see `scripts/rustc`.
#[test]
fn it_names_no_folder_of_the_machine_that_built_it() {
    let module = fs::read(filter_module()).expect("the module");
    let text = String::from_utf8_lossy(&module);
    let home = std::env::var("CARGO_HOME").unwrap_or_default();
    let root = root().to_string_lossy();
    let folders = [&home, &*root, "/.cargo/", "\\.cargo\\", "/rustlib/"];
    for folder in folders.into_iter().filter(|folder| !folder.is_empty()) {
        assert!(!text.contains(folder), "{folder}");
    }
    // Files are named, only not where they lie here.
    assert!(text.contains("/registry/proxy-wasm-"), "what names files?");
}

/// Envoy compiles it for every worker's VM, and gateways load it over the network.
#[test]
fn it_stays_small() {
    let size = fs::metadata(filter_module()).expect("the module").len();
    assert!(size <= 880 << 10, "{size} bytes");
}
