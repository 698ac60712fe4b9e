//! Envoys to be looked at, and what `check` says of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use accesspolicy::engine::policy::CompiledPolicy;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::certificates::Authority;
use crate::support::envoy::Envoy;
use crate::support::{filter_module, root, yaml};

pub(crate) fn tool(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    command.args(arguments).current_dir(root());
    command.output().expect("it runs")
}

/// The demo's policy, compiled, and a whole Envoy with it.
pub(crate) fn demo(folder: &Path) -> (String, Value) {
    let of = |name: &str| format!("policies/demo/{name}.yaml");
    let (policy, point) = (of("policy"), of("enforcement-point"));
    let compiled = folder.join("policy.json").display().to_string();
    let done = tool(&[
        "compile",
        &policy,
        "--enforcement-point",
        &point,
        "-o",
        &compiled,
    ]);
    assert!(done.status.success(), "{done:?}");
    let authority = Authority::new(folder, "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    for (from, to) in [
        (authority.certificate(), "authority.pem"),
        (server.certificate.clone(), "server.pem"),
        (server.key.clone(), "server.key"),
    ] {
        if from != folder.join(to) {
            std::fs::copy(from, folder.join(to)).expect("a copy");
        }
    }
    let done = tool(&[
        "render",
        "--format",
        "envoy",
        "--form",
        "bootstrap",
        "--config",
        &compiled,
        "--module",
        filter_module().to_str().expect("a path"),
        "--listen",
        "127.0.0.1:0",
        "--admin-port",
        "1",
        "--cluster",
        "authorizer=127.0.0.1:9",
        "--certificates",
        folder.to_str().expect("a path"),
    ]);
    assert!(done.status.success(), "{done:?}");
    let text = String::from_utf8(done.stdout).expect("text");
    let mut bootstrap = yaml::parse(&text).expect("YAML");
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = json!(0);
    (compiled, bootstrap)
}

/// What is wrong with an Envoy, and what is warned of, by what was looked at.
pub(crate) fn found(envoy: &Envoy, compiled: &str) -> (Vec<String>, Vec<String>, Option<i32>) {
    let address = envoy.admin().to_string();
    let done = tool(&[
        "check", "--config", compiled, "--envoy", &address, "--output", "json",
    ]);
    let code = done.status.code();
    (with(&done, "wrong"), with(&done, "warning"), code)
}

/// The same of a dump.
pub(crate) fn found_in(dump: &Value, folder: &Path, compiled: &str) -> (Vec<String>, Vec<String>) {
    let file = folder.join("dump.json").display().to_string();
    std::fs::write(&file, dump.to_string()).expect("a file");
    let done = tool(&[
        "check",
        "--config",
        compiled,
        "--config-dump",
        &file,
        "--output",
        "json",
    ]);
    (with(&done, "wrong"), with(&done, "warning"))
}

/// What was looked at of which something is said.
pub(crate) fn with(done: &Output, what: &str) -> Vec<String> {
    let findings: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    let findings = findings["findings"].as_array().expect("findings").iter();
    let with = findings.filter(|finding| !finding[what].is_null());
    with.map(|finding| finding["check"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Something of a type of Envoy's.
pub(crate) fn of_type(name: &str, value: Value) -> Value {
    let mut value = value;
    value["@type"] = json!(format!("type.googleapis.com/{name}"));
    value
}

/// An HTTP filter.
pub(crate) fn http(name: &str, kind: &str, value: Value) -> Value {
    let kind = format!("envoy.extensions.filters.http.{kind}");
    json!({"name": name, "typed_config": of_type(&kind, value)})
}

/// The same, of a type that says which it stands for.
pub(crate) fn structured(mut typed: Value) -> Value {
    let members = typed.as_object_mut().unwrap();
    let url = members.remove("@type").unwrap();
    of_type(
        "xds.type.v3.TypedStruct",
        json!({"type_url": url, "value": typed}),
    )
}

/// An Envoy that is to be, and the folder that what it discovers is in.
pub(crate) struct Setup {
    pub(crate) folder: PathBuf,
    pub(crate) bootstrap: Value,
}

impl Setup {
    pub(crate) fn listener(&mut self) -> &mut Value {
        &mut self.bootstrap["static_resources"]["listeners"][0]
    }

    pub(crate) fn chain(&mut self) -> &mut Value {
        &mut self.listener()["filter_chains"][0]
    }

    pub(crate) fn manager(&mut self) -> &mut Value {
        &mut self.chain()["filters"][0]["typed_config"]
    }

    pub(crate) fn filters(&mut self) -> &mut Vec<Value> {
        self.manager()["http_filters"].as_array_mut().unwrap()
    }

    pub(crate) fn host(&mut self) -> &mut Value {
        &mut self.manager()["route_config"]["virtual_hosts"][0]
    }

    pub(crate) fn context(&mut self) -> &mut Value {
        &mut self.chain()["transport_socket"]["typed_config"]["common_tls_context"]
    }

    pub(crate) fn cluster(&mut self) -> &mut Value {
        let clusters = self.bootstrap["static_resources"]["clusters"].as_array_mut();
        let mut clusters = clusters.unwrap().iter_mut();
        clusters.find(|it| it["name"] == "everything").unwrap()
    }

    /// One more cluster.
    pub(crate) fn add_cluster(&mut self, cluster: Value) {
        let clusters = self.bootstrap["static_resources"]["clusters"].as_array_mut();
        clusters.unwrap().push(cluster);
    }

    /// A file with a resource, from which it is discovered.
    pub(crate) fn discovered(&self, file: &str, kind: &str, resource: Value) -> Value {
        let path = self.folder.join(file);
        let next = self.folder.join("next");
        let resources = json!({"resources": [of_type(kind, resource)]});
        std::fs::write(&next, resources.to_string()).expect("a file");
        std::fs::rename(&next, &path).expect("a file");
        json!({"path_config_source": {"path": path}, "resource_api_version": "V3"})
    }

    /// The same of a filter.
    pub(crate) fn extension(&self, file: &str, name: &str, typed: &Value) -> Value {
        let resource = json!({"name": name, "typed_config": typed});
        let source = self.discovered(file, "envoy.config.core.v3.TypedExtensionConfig", resource);
        json!({"name": name, "config_discovery": {
            "config_source": source, "type_urls": [typed["@type"]],
        }})
    }

    /// A second listener, as the first.
    pub(crate) fn second(&mut self, change: impl FnOnce(&mut Value)) {
        let mut listener = self.listener().clone();
        listener["name"] = json!("second");
        change(&mut listener);
        let listeners = self.bootstrap["static_resources"]["listeners"].as_array_mut();
        listeners.unwrap().push(listener);
    }

    /// The routes, discovered from a file, with the filter on or off.
    pub(crate) fn discover_routes(&mut self, file: &str, is_off: bool) {
        let mut routes = self.manager()["route_config"].take();
        if is_off {
            routes["typed_per_filter_config"] = off();
        }
        let kind = "envoy.config.route.v3.RouteConfiguration";
        let source = self.discovered(file, kind, routes.clone());
        let manager = self.manager();
        manager.as_object_mut().unwrap().remove("route_config");
        manager["rds"] = json!({"route_config_name": routes["name"], "config_source": source});
    }

    /// Whom the listener trusts, as a secret.
    pub(crate) fn secret(&mut self, change: impl FnOnce(&mut Value)) -> Value {
        let mut context = self.context()["validation_context"].take();
        self.context()
            .as_object_mut()
            .unwrap()
            .remove("validation_context");
        change(&mut context);
        let kind = "envoy.extensions.transport_sockets.tls.v3.Secret";
        let resource = json!({"name": "ca", "validation_context": context});
        json!({"name": "ca", "sds_config": self.discovered("ca.json", kind, resource)})
    }
}

/// Changes an Envoy, and says what is wrong then, and what is warned of.
pub(crate) type Case = (
    &'static str,
    fn(&mut Setup),
    &'static [&'static str],
    &'static [&'static str],
);

/// The demo's policy with other settings, and changed, and a whole Envoy with it.
pub(crate) fn changed(folder: &Path, settings: Value, change: fn(&mut Value)) -> (String, Value) {
    let (compiled, mut bootstrap) = demo(folder);
    let text = std::fs::read_to_string(&compiled).expect("the policy");
    let mut policy: Value = serde_json::from_str(&text).expect("JSON");
    for (key, value) in settings.as_object().unwrap() {
        policy["settings"][key] = value.clone();
    }
    change(&mut policy);
    let policy: CompiledPolicy = serde_json::from_value(policy).expect("a policy");
    let policy = serde_json::to_string(&policy.sealed()).expect("JSON");
    std::fs::write(&compiled, &policy).expect("a file");
    let at = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0\
              /typed_config/config/configuration/value";
    *bootstrap.pointer_mut(at).expect("its configuration") = json!(policy);
    (compiled, bootstrap)
}

/// Runs each, and looks.
pub(crate) fn follow(cases: &[Case], settings: Value) {
    follow_with(cases, settings, |_| {});
}

/// The same of a policy that is changed.
pub(crate) fn follow_with(cases: &[Case], settings: Value, change: fn(&mut Value)) {
    let folder = TempDir::new().expect("a folder");
    let (compiled, bootstrap) = changed(folder.path(), settings, change);
    for (name, change, wrong, warned) in cases {
        let mut setup = Setup {
            folder: folder.path().to_owned(),
            bootstrap: bootstrap.clone(),
        };
        change(&mut setup);
        let envoy = Envoy::start(&setup.bootstrap);
        let envoy = envoy.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (is_wrong, is_warned, code) = found(&envoy, &compiled);
        assert_eq!(is_wrong, *wrong, "{name}");
        assert_eq!(is_warned, *warned, "{name}");
        assert_eq!(code, Some(i32::from(!wrong.is_empty())), "{name}");
    }
}

/// The dump of an Envoy as it has to be, and the path of its listener.
pub(crate) fn dumped(bootstrap: &Value) -> (Value, String) {
    let envoy = Envoy::start(bootstrap).expect("Envoy serves");
    let dump = envoy.ask("/config_dump?include_eds").expect("a dump");
    let dump: Value = serde_json::from_str(&dump).expect("JSON");
    let mut configs = dump["configs"].as_array().unwrap().iter();
    let at = configs.position(|it| it.get("static_listeners").is_some());
    let at = at.expect("listeners");
    (dump, format!("/configs/{at}/static_listeners/0/listener"))
}

/// What a route says that switches the filter off.
pub(crate) fn off() -> Value {
    let kind = "envoy.config.route.v3.FilterConfig";
    let empty = of_type("google.protobuf.Empty", json!({}));
    json!({"accesspolicy": of_type(kind, json!({"disabled": true, "config": empty}))})
}

/// A cluster that is made of others.
pub(crate) fn made_of(name: &str, clusters: &[&str]) -> Value {
    let kind = "envoy.extensions.clusters.aggregate.v3.ClusterConfig";
    of_kind(name, kind, json!({"clusters": clusters}))
}

/// A cluster by an extension.
pub(crate) fn of_kind(name: &str, kind: &str, config: Value) -> Value {
    json!({
        "name": name,
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {"name": name, "typed_config": of_type(kind, config)},
    })
}

/// A cluster with an endpoint.
pub(crate) fn at_port(name: &str, port: u16) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let endpoint = json!({"endpoint": {"address": address}});
    json!({"name": name, "load_assignment": {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [endpoint]}],
    }})
}
