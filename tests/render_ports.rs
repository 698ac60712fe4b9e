//! Ports of the Gateway, which policies name, where the platform has others.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const IMAGE: &str = "registry.example/team/accesspolicy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const BOOTSTRAP: [&str; 6] = [
    "--format",
    "envoy",
    "--form",
    "bootstrap",
    "--listen",
    "127.0.0.1:10000",
];

/// A policy and an enforcement point in a folder.
struct Case {
    folder: TempDir,
}

/// What policies say about ports: listeners by name, ports of a rule, an expression.
#[derive(Clone, Copy, Default)]
struct Says<'s> {
    sections: &'s [&'s str],
    ports: &'s [u16],
    reads: bool,
}

impl Case {
    fn new(listeners: &[(&str, u16)], says: Says<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = |section: Option<&&str>| {
            let mut target =
                json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "prod"});
            if let Some(section) = section {
                target["sectionName"] = json!(section);
            }
            target
        };
        let mut targets: Vec<Value> = says
            .sections
            .iter()
            .map(|name| target(Some(name)))
            .collect();
        if targets.is_empty() {
            targets.push(target(None));
        }
        let mut authorization = json!({"type": "Inline", "methods": ["GET"]});
        if !says.ports.is_empty() {
            authorization["ports"] = json!(says.ports);
        }
        if says.reads {
            authorization["type"] = json!("CEL");
            authorization["cel"] = json!({"expression": "destination.port == 443"});
        }
        let policy = json!({
            "apiVersion": "agentic.networking.x-k8s.io/v1alpha1",
            "kind": "XAccessPolicy",
            "metadata": {"namespace": "infra", "name": "p"},
            "spec": {
                "action": "Allow", "targetRefs": targets,
                "rules": [{"name": "r", "authorization": authorization}],
            },
        });
        let listeners = listeners.iter();
        let listeners = listeners.map(|(name, port)| json!({"name": name, "port": port}));
        let point = json!({
            "apiVersion": "accesspolicy/v1",
            "kind": "EnforcementPoint",
            "gateway": {"namespace": "infra", "name": "prod"},
            "listeners": listeners.collect::<Vec<_>>(),
            "requestHeaders": "Stream",
            "mcp": {"paths": ["/mcp"]},
        });
        for (file, content) in [("policy.json", policy), ("point.json", point)] {
            fs::write(folder.path().join(file), content.to_string()).unwrap();
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
            .arg(command)
            .arg(self.file("policy.json"))
            .arg("--enforcement-point")
            .arg(self.file("point.json"))
            .args(arguments)
            .output()
            .unwrap()
    }

    fn render(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run("render", arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            output.status.code(),
            Some(i32::from(text.is_empty())),
            "{said}"
        );
        (text, said)
    }
}

/// `settings.ports` and the digest of the policy in what was rendered.
fn carried(text: &str) -> (Value, Value) {
    let rendered: Value = serde_saphyr::from_str(text).unwrap();
    let places = [
        "/spec/wasm/0/config",
        "/spec/pluginConfig",
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0\
         /typed_config/config/configuration/value",
        "/0/typed_config/config/configuration/value",
        "/resources/0/typed_config/config/configuration/value",
    ];
    let found = places.iter().find_map(|place| rendered.pointer(place));
    let policy = match found.expect("a policy") {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        policy => policy.clone(),
    };
    (
        policy["settings"]["ports"].clone(),
        policy["digest"].clone(),
    )
}

fn pairs(pairs: &[(u16, u16)]) -> Value {
    match pairs {
        [] => Value::Null,
        pairs => pairs
            .iter()
            .map(|(gateway, envoy)| json!({"gateway": gateway, "envoy": envoy}))
            .collect(),
    }
}

fn sections<'s>(sections: &'s [&'s str]) -> Says<'s> {
    Says {
        sections,
        ..Says::default()
    }
}

fn ports(ports: &[u16]) -> Says<'_> {
    Says {
        ports,
        ..Says::default()
    }
}

const READS: Says<'static> = Says {
    sections: &[],
    ports: &[],
    reads: true,
};

fn gateway(more: &[&'static str]) -> Vec<&'static str> {
    [&["--format", "envoy-gateway", "--image", IMAGE], more].concat()
}

fn istio(more: &[&'static str]) -> Vec<&'static str> {
    [&["--format", "istio", "--image", IMAGE], more].concat()
}

fn bootstrap(more: &[&'static str]) -> Vec<&'static str> {
    [&BOOTSTRAP, more].concat()
}

#[test]
fn policies_are_written_for_the_ports_that_there_are() {
    let web = [("http", 80), ("https", 443), ("high", 8443)];
    let https = [("https", 443)];
    for (listeners, says, arguments, expected, warning) in [
        // Envoy Gateway moves what is below 1024.
        (
            &web[..],
            sections(&["https"]),
            gateway(&[]),
            &[(80, 10080), (443, 10443)][..],
            "",
        ),
        (&web, READS, gateway(&[]), &[(80, 10080), (443, 10443)], ""),
        (
            &[],
            ports(&[443, 1023, 1024, 8443]),
            gateway(&[]),
            &[(443, 10443), (1023, 11023)],
            "",
        ),
        (
            &web,
            sections(&["https"]),
            gateway(&["--port", "443=443", "--port", "80=8080"]),
            &[(80, 8080)],
            "",
        ),
        (&[("mcp", 8443)], sections(&["mcp"]), gateway(&[]), &[], ""),
        (&[], Says::default(), gateway(&[]), &[], ""),
        // A whole Envoy has one.
        (
            &https,
            sections(&["https"]),
            bootstrap(&[]),
            &[(443, 10000)],
            "",
        ),
        (&https, ports(&[443]), bootstrap(&[]), &[(443, 10000)], ""),
        (&https, READS, bootstrap(&[]), &[(443, 10000)], ""),
        (&[], ports(&[443]), bootstrap(&[]), &[(443, 10000)], ""),
        (&[], ports(&[10000]), bootstrap(&[]), &[], ""),
        (
            &[],
            READS,
            bootstrap(&["--port", "443=10000"]),
            &[(443, 10000)],
            "",
        ),
        (&[], READS, bootstrap(&["--port", "10000=10000"]), &[], ""),
        (
            &web,
            sections(&["https"]),
            bootstrap(&["--port", "443=10000"]),
            &[(443, 10000)],
            "",
        ),
        (
            &web,
            sections(&["http"]),
            bootstrap(&["--port", "443=10000"]),
            &[(443, 10000)],
            "warning: policies for port 80 of the Gateway are dead here",
        ),
        (&web, Says::default(), bootstrap(&[]), &[], ""),
        // Istio's service says it.
        (
            &web,
            sections(&["https"]),
            istio(&[]),
            &[],
            "policies are for port 443 of the Gateway, and Envoy says the `targetPort`",
        ),
        (
            &https,
            sections(&["https"]),
            istio(&["--port", "443=9443"]),
            &[(443, 9443)],
            "",
        ),
        (
            &https,
            sections(&["https"]),
            istio(&["--port", "443=443"]),
            &[],
            "",
        ),
        (&[], READS, istio(&[]), &[], "reads `destination.port`"),
        (&web, Says::default(), istio(&[]), &[], ""),
        // An Envoy of one's own.
        (
            &web,
            sections(&["https"]),
            vec!["--format", "envoy"],
            &[],
            "",
        ),
        (
            &https,
            ports(&[443]),
            vec!["--format", "envoy", "--port", "443=10443"],
            &[(443, 10443)],
            "",
        ),
        (
            &https,
            ports(&[443]),
            vec![
                "--format",
                "envoy",
                "--form",
                "discovery",
                "--port",
                "443=10443",
            ],
            &[(443, 10443)],
            "",
        ),
        (
            &https,
            ports(&[443]),
            bootstrap(&["--port", "443=10000"]),
            &[(443, 10000)],
            "",
        ),
    ] {
        let case = Case::new(listeners, says);
        let (text, said) = case.render(&arguments);
        assert!(!text.is_empty(), "{arguments:?}: {said}");
        let (found, digest) = carried(&text);
        assert_eq!(found, pairs(expected), "{arguments:?}");
        match warning {
            "" => assert!(
                !said.contains("dead") && !said.contains("Port"),
                "{arguments:?}: {said}"
            ),
            warning => assert!(said.contains(warning), "{arguments:?}: {said}"),
        }
        // The policies are the same.
        let compiled = case.run("compile", &[]);
        let compiled: Value = serde_json::from_slice(&compiled.stdout).unwrap();
        assert_eq!(digest, compiled["digest"], "{arguments:?}");
    }
}

#[test]
fn what_would_be_dead_is_refused() {
    let web = [("http", 80), ("https", 443)];
    for (listeners, says, arguments, sentence) in [
        (
            &web[..],
            sections(&["https"]),
            bootstrap(&[]),
            "policies tell the ports 80, 443 of the Gateway apart, and this Envoy listens on port \
             10000 only: say which of them that is, such as `--port 80=10000`",
        ),
        (
            &[("https", 443)],
            ports(&[80]),
            bootstrap(&[]),
            "policies are for port 80 of the Gateway, and this Envoy is its port 443 only",
        ),
        (&web, READS, bootstrap(&[]), "the ports 80, 443"),
        (
            &[],
            READS,
            bootstrap(&[]),
            "an expression of `infra/p` reads `destination.port`",
        ),
        (&[], ports(&[80, 443]), bootstrap(&[]), "the ports 80, 443"),
        (
            &[],
            ports(&[443, 10000]),
            bootstrap(&[]),
            "this Envoy is its port 10000 only",
        ),
        (
            &web,
            sections(&["https"]),
            bootstrap(&["--port", "443=8443"]),
            "listens on port 10000",
        ),
        (
            &web,
            sections(&["https"]),
            bootstrap(&["--port", "80=10000", "--port", "443=10000"]),
            "would both be port 10000 of Envoy",
        ),
        (
            &[],
            READS,
            gateway(&[]),
            "an expression of `infra/p` reads `destination.port`",
        ),
        (
            &[("https", 443), ("other", 10443)],
            sections(&["https"]),
            gateway(&[]),
            "the ports 443 and 10443 of the Gateway would both be port 10443 of Envoy",
        ),
        (
            &[],
            ports(&[443, 10443]),
            gateway(&[]),
            "would both be port 10443",
        ),
        (
            &[("a", 443), ("b", 8443)],
            sections(&["a"]),
            istio(&["--port", "443=8443"]),
            "the ports 443 and 8443 of the Gateway would both be port 8443 of Envoy",
        ),
    ] {
        let (text, said) = Case::new(listeners, says).render(&arguments);
        assert!(text.is_empty(), "{arguments:?}: {text}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
    }
    for wrong in ["443", "443=", "=1", "0=1", "443=65536", "a=b"] {
        let case = Case::new(&[], Says::default());
        let output = case.run(
            "render",
            &gateway(&["--port"])
                .iter()
                .copied()
                .chain([wrong])
                .collect::<Vec<_>>(),
        );
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {said}");
        assert!(said.contains("`GATEWAY=ENVOY`"), "{wrong}: {said}");
    }
}

/// The file of a bootstrap that reads its filter elsewhere has to know the port too.
#[test]
fn the_other_file_needs_the_port_as_well() {
    let case = Case::new(&[("https", 443)], sections(&["https"]));
    let (_, said) = case.render(&bootstrap(&["--discovery", "filter.yaml"]));
    assert!(
        said.contains("note: say `--port 443=10000` with `--form discovery`"),
        "{said}"
    );
}

#[test]
fn explain_says_which_listeners_there_are() {
    let explain = |case: &Case, port: &str| {
        let output = case.run(
            "explain",
            &["--http-method", "GET", "--path", "/x", "--port", port],
        );
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    let case = Case::new(&[("http", 80), ("https", 443)], sections(&["https"]));
    let said = explain(&case, "10443");
    let note = "note: no listener has port 10443: the enforcement point lists `http` on 80, `https` on 443";
    assert!(said.contains(note), "{said}");
    assert!(!explain(&case, "443").contains("no listener"));
    let said = explain(&Case::new(&[], ports(&[443])), "443");
    assert!(
        said.contains("no listener has port 443: the enforcement point lists none"),
        "{said}"
    );
}
