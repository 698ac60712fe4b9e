//! What it may be called by, and may call.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setup::{Case, demo, dumped, follow, found_in};
use crate::support::filter_module;

/// What the module exports, and what it imports.
fn names() -> (Vec<String>, Vec<String>) {
    let bytes = std::fs::read(filter_module()).expect("the module");
    let (mut exported, mut imported) = (Vec::new(), Vec::new());
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        match payload.expect("a module") {
            wasmparser::Payload::ImportSection(imports) => {
                let imports = imports.into_imports();
                imported.extend(imports.map(|import| import.expect("an import").name.to_owned()));
            }
            wasmparser::Payload::ExportSection(exports) => {
                let exports = exports.into_iter();
                exported.extend(exports.map(|export| export.expect("an export").name.to_owned()));
            }
            _ => {}
        }
    }
    (exported, imported)
}

/// What the filter may call and be called by, but for one name.
fn restricted(but: &str) -> Value {
    let (exported, imported) = names();
    let names = exported
        .into_iter()
        .chain(imported)
        .chain(["malloc".to_owned()]);
    let names = names.filter(|name| name != but);
    names.map(|name| (name, json!({}))).collect()
}

/// Each of the callbacks that the module has, and each of its calls.
#[test]
fn every_capability_is_needed() {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = demo(folder.path());
    let (dump, listener) = dumped(&bootstrap);
    let (mut callbacks, calls) = names();
    callbacks.retain(|name| name.starts_with("proxy_on_"));
    assert!(callbacks.len() > 10, "{callbacks:?}");
    assert!(calls.len() > 30, "{calls:?}");
    let config = format!(
        "{listener}/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config"
    );
    for name in callbacks.iter().chain(&calls) {
        let mut dump = dump.clone();
        dump.pointer_mut(&config).expect("the filter")["vm_config"]["capability_restriction_config"] =
            json!({"allowed_capabilities": restricted(name)});
        let (wrong, _) = found_in(&dump, folder.path(), &compiled);
        assert_eq!(wrong, ["callbacks"], "{name}");
    }
}

#[test]
fn restrictions_are_looked_at() {
    let cases: [Case; 4] = [
        (
            "a callback too few",
            |it| {
                let config = &mut it.filters()[0]["typed_config"]["config"];
                let allowed = restricted("proxy_on_request_body");
                config["capability_restriction_config"] = json!({"allowed_capabilities": allowed});
            },
            &["callbacks"],
            &[],
        ),
        (
            "without properties",
            |it| {
                let config = &mut it.filters()[0]["typed_config"]["config"];
                let allowed = restricted("proxy_get_property");
                config["capability_restriction_config"] = json!({"allowed_capabilities": allowed});
            },
            &["callbacks"],
            &[],
        ),
        (
            "all that it takes",
            |it| {
                let config = &mut it.filters()[0]["typed_config"]["config"];
                let allowed = restricted("");
                config["vm_config"]["capability_restriction_config"] =
                    json!({"allowed_capabilities": allowed});
            },
            &[],
            &[],
        ),
        (
            "an empty restriction",
            |it| {
                let config = &mut it.filters()[0]["typed_config"]["config"];
                config["capability_restriction_config"] = json!({});
            },
            &[],
            &[],
        ),
    ];
    follow(&cases, json!({}));
}
