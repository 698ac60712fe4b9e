//! What `render` writes: kept as complete examples, taken by the published schemas, and
//! deciding the same where it arrives.
//!
//! After a change that is meant: `BLESS=1 cargo test --test render`, and review the
//! difference.

#![cfg(not(target_arch = "wasm32"))]

mod support;
mod vectors;

use std::fs;
use std::process::{Command, Output};

use accesspolicy::engine::policy::{
    CompiledPolicy, Policies, PortAlias, RequestHeaders, SafeInteger,
};
use accesspolicy::tool::render::{self, ImageReference};
use serde_json::{Map, Value, json};
use support::{root, yaml};
use vectors::{DecisionTests, FILES};

const POLICY: &str = "policies/demo/policy.yaml";
/// Without an authorizer whose headers go to the server, which takes held ones.
const STREAMED: &str = "policies/tool-allowlist/policy.yaml";
const POINT: &str = "policies/demo/enforcement-point.yaml";
const ISTIO_HOLD: &str = "envoy-config/istio/hold/enforcement-point.yaml";
const ISTIO_STREAM: &str = "envoy-config/istio/stream/enforcement-point.yaml";
const GATEWAY: &str = "envoy-config/envoy-gateway/enforcement-point.yaml";
const IMAGE: &str = "registry.example/team/accesspolicy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Of the whole Envoy, what no policy says.
const EDGE: [&str; 4] = [
    "--cluster",
    "authorizer=127.0.0.1:9000",
    "--certificates",
    "target/demo/certs",
];

/// Each example, the policy and the enforcement point, and what is said to `render` beside.
fn examples() -> [(&'static str, [&'static str; 2], Vec<&'static str>); 6] {
    let whole = [&["--format", "envoy", "--form", "bootstrap"][..], &EDGE].concat();
    let filter = "envoy-config/xds/filter.yaml";
    let discovered = [&whole[..], &["--discovery", filter]].concat();
    let istio = vec!["--format", "istio", "--image", IMAGE];
    let gateway = vec!["--format", "envoy-gateway", "--image", IMAGE];
    [
        ("envoy-config/demo.yaml", [POLICY, POINT], whole),
        ("envoy-config/xds/envoy.yaml", [POLICY, POINT], discovered),
        (
            filter,
            [POLICY, POINT],
            vec!["--format", "envoy", "--form", "discovery"],
        ),
        (
            "envoy-config/istio/hold/envoy-filter.yaml",
            [POLICY, ISTIO_HOLD],
            istio.clone(),
        ),
        (
            "envoy-config/istio/stream/wasm-plugin.yaml",
            [STREAMED, ISTIO_STREAM],
            istio,
        ),
        (
            "envoy-config/envoy-gateway/extension-policy.yaml",
            [STREAMED, GATEWAY],
            gateway,
        ),
    ]
}

fn render([policy, point]: [&str; 2], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .current_dir(root())
        .args(["render", policy, "--enforcement-point", point])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_examples_are_what_render_writes() {
    for (file, policy, arguments) in examples() {
        let output = render(policy, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{file}: {said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let path = root().join(file);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "{file}: accesspolicy render {}",
            arguments.join(" ")
        );
    }
}

/// The block alone is the one in the whole.
#[test]
fn the_filter_is_the_one_of_the_whole_envoy() {
    let output = render([POLICY, POINT], &["--format", "envoy"]);
    let block = String::from_utf8(output.stdout).unwrap();
    let demo = fs::read_to_string(root().join("envoy-config/demo.yaml")).unwrap();
    let moved: Vec<String> = block
        .lines()
        .map(|line| format!("{:18}{line}", ""))
        .collect();
    assert!(demo.contains(&moved.join("\n")), "{block}");
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    let demo = [POLICY, POINT];
    let bootstrap = ["--format", "envoy", "--form", "bootstrap"];
    let whole = |more: &[&'static str]| [&bootstrap[..], &EDGE, more].concat();
    let gateway = ["--format", "envoy-gateway", "--image", IMAGE];
    let two = [POLICY, "tests/deploy/two-backends.yaml"];
    let both = [POLICY, "tests/deploy/both.yaml"];
    for (policy, arguments, code, says) in [
        (
            [POLICY, ISTIO_HOLD],
            gateway.to_vec(),
            1,
            "cannot hold request headers",
        ),
        (
            demo,
            vec!["--format", "istio"],
            2,
            "`--image`, with what `push` wrote",
        ),
        (
            demo,
            vec!["--format", "istio", "--image", "r/a:v1"],
            2,
            "with its digest",
        ),
        (
            demo,
            vec!["--format", "envoy", "--image", IMAGE],
            2,
            "`--module` instead",
        ),
        (
            [STREAMED, GATEWAY],
            [&gateway[..], &["--form", "bootstrap"]].concat(),
            2,
            "one form",
        ),
        (
            demo,
            vec!["--format", "envoy", "--discovery", "x"],
            2,
            "`--form bootstrap`",
        ),
        (
            demo,
            vec!["--format", "envoy", "--route", "/=everything"],
            2,
            "`--form bootstrap`",
        ),
        (demo, vec!["--format", "nginx"], 2, "envoy-gateway"),
        // Refused by the compiler.
        (
            [POLICY, "tests/deploy/no-services.yaml"],
            bootstrap.to_vec(),
            1,
            "1 problem: nothing was written",
        ),
        (
            demo,
            bootstrap.to_vec(),
            1,
            "`--cluster NAME=HOST:PORT` for `authorizer`",
        ),
        (two, whole(&[]), 1, "for each of `everything`, `weather-1`"),
        (
            two,
            whole(&["--route", "/=everything"]),
            1,
            "for `everything`, `weather-1`, `weather-2`",
        ),
        (
            two,
            whole(&["--route", "/=authorizer"]),
            1,
            "no backend has this cluster",
        ),
        (
            demo,
            whole(&["--cluster", "authoriser=a:1"]),
            1,
            "but `everything`, `authorizer`",
        ),
        (
            demo,
            whole(&["--cluster", "authorizer=a:1"]),
            1,
            "is there twice",
        ),
        (
            demo,
            whole(&["--route", "/=everything", "--route", "/=everything"]),
            1,
            "is there twice",
        ),
        (demo, whole(&["--cluster", "a=b"]), 2, "is `HOST:PORT`"),
        (demo, whole(&["--route", "a=b"]), 2, "begins with `/`"),
        (both, whole(&[]), 1, "an MCP server and an authorizer"),
        (
            [POLICY, "tests/deploy/forwarded.yaml"],
            bootstrap.to_vec(),
            1,
            "PeerCertificate",
        ),
    ] {
        let output = render(policy, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// Of a whole Envoy, what the policy does not say.
#[test]
fn the_whole_envoy_is_as_it_was_told() {
    let whole = ["--format", "envoy", "--form", "bootstrap"];
    let told = [
        &whole[..],
        &EDGE,
        &["--admin-port", "0"],
        &["--route", "/=everything", "--route", "/weather=weather-1"],
        &["--route", "/weather/old=weather-2"],
        &["--cluster", "everything=mcp.example:8000"],
        &["--cluster", "weather-1=[::1]:8001"],
        &["--cluster", "weather-2=127.0.0.1:8002"],
    ]
    .concat();
    let output = render([POLICY, "tests/deploy/two-backends.yaml"], &told);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let envoy: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(envoy["admin"], Value::Null);
    let found = &envoy["static_resources"];
    let manager = &found["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array();
    let routes: Vec<_> = routes
        .unwrap()
        .iter()
        .map(|route| (route["match"].clone(), route["route"]["cluster"].clone()))
        .collect();
    let segments = |path: &str| json!({"path_separated_prefix": path});
    assert_eq!(
        routes,
        [
            (segments("/weather/old"), json!("weather-2")),
            (segments("/weather"), json!("weather-1")),
            (json!({"prefix": "/"}), json!("everything")),
        ]
    );
    let clusters = found["clusters"].as_array().unwrap().iter();
    let clusters: Vec<_> = clusters
        .map(|cluster| {
            let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
            let address = &endpoint["endpoint"]["address"]["socket_address"];
            format!(
                "{} {} {}",
                cluster["name"], cluster["type"], address["address"]
            )
            .replace('"', "")
        })
        .collect();
    assert_eq!(
        clusters,
        [
            "everything STRICT_DNS mcp.example",
            "weather-1 STATIC ::1",
            "weather-2 STATIC 127.0.0.1",
            "authorizer STATIC 127.0.0.1",
        ]
    );
}

/// The API server would take the manifests: they fit the schemas of the published CRDs.
#[test]
fn manifests_fit_the_published_schemas() {
    let mut checked = 0;
    for (file, _, _) in examples() {
        let manifest = yaml::read(&root().join(file)).unwrap();
        let Some(kind) = manifest["kind"].as_str() else {
            continue;
        };
        checked += 1;
        let schema = yaml::read(&root().join(format!("tests/crds/{kind}.yaml"))).unwrap();
        assert_eq!(manifest["apiVersion"], schema["apiVersion"], "{file}");
        let mut wrong = Vec::new();
        misfits(&manifest["spec"], &schema["spec"], "spec", &mut wrong);
        assert!(wrong.is_empty(), "{file}: {}", wrong.join("; "));
        // And notices what does not fit.
        for (pointer, value) in [
            ("/spec/phase", json!("BEFORE")),
            ("/spec/failStrategy", json!(1)),
            ("/spec/targetRefs/0/kind", json!("")),
            ("/spec/targetRefs/0/nane", json!("prod")),
            ("/spec/wasm/0/code/type", json!("Local")),
            ("/spec/configPatches/0/patch/operation", json!("PREPEND")),
            (
                "/spec/configPatches/0/match/listener/filterChain/filter/subFilter",
                json!([]),
            ),
        ] {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let mut other = manifest.clone();
            let Some(Value::Object(parent)) = other.pointer_mut(parent) else {
                continue;
            };
            parent.insert(key.to_owned(), value);
            let mut wrong = Vec::new();
            misfits(&other["spec"], &schema["spec"], "spec", &mut wrong);
            assert!(!wrong.is_empty(), "{file}: {pointer} fits");
        }
    }
    assert_eq!(checked, 3);
}

/// What of a value a schema does not take: the part of OpenAPI that these CRDs use.
fn misfits(value: &Value, schema: &Value, at: &str, wrong: &mut Vec<String>) {
    let mut no = |what: String| wrong.push(format!("{at} {what}"));
    if value.is_null() && schema["nullable"] == json!(true) {
        return;
    }
    let is_kind = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        None => true,
        Some(other) => panic!("{at}: unknown type {other}"),
    };
    if !is_kind {
        return no(format!("is no {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        no(format!("is none of {allowed:?}"));
    }
    let bound = |name: &str| schema[name].as_f64();
    let below = |found: f64, name: &str| bound(name).is_some_and(|bound| found < bound);
    let above = |found: f64, name: &str| bound(name).is_some_and(|bound| found > bound);
    let size = match value {
        Value::String(text) => text.chars().count() as f64,
        Value::Array(items) => items.len() as f64,
        Value::Object(members) => members.len() as f64,
        other => other.as_f64().unwrap_or_default(),
    };
    let bounds = match value {
        Value::String(_) => ("minLength", "maxLength"),
        Value::Array(_) => ("minItems", "maxItems"),
        Value::Object(_) => ("minProperties", "maxProperties"),
        _ => ("minimum", "maximum"),
    };
    if below(size, bounds.0) || above(size, bounds.1) {
        no(format!("is too short or too long: {size}"));
    }
    if let (Some(text), Some(pattern)) = (value.as_str(), schema["pattern"].as_str())
        && !regex_lite::Regex::new(pattern).unwrap().is_match(text)
    {
        no(format!("`{text}` does not match {pattern}"));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        misfits(value, part, at, wrong);
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        misfits(item, &schema["items"], &format!("{at}[{index}]"), wrong);
    }
    let Some(members) = value.as_object() else {
        return;
    };
    for required in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(required.as_str().unwrap_or_default()) {
            wrong.push(format!("{at} has no {required}"));
        }
    }
    let is_open = schema["x-kubernetes-preserve-unknown-fields"] == json!(true);
    for (name, member) in members {
        let at = format!("{at}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) if is_open => {}
            (Value::Null, Value::Null) => wrong.push(format!("{at} is unknown")),
            (Value::Null, schema) | (schema, _) => misfits(member, schema, &at, wrong),
        }
    }
}

/// How a policy reaches the filter.
const TRIPS: [&str; 3] = [
    "Envoy and EnvoyFilter",
    "WasmPlugin",
    "EnvoyExtensionPolicy",
];

/// The text that the filter is given, of a policy rendered for each.
fn delivered(policy: &CompiledPolicy, trip: &str) -> String {
    let image: ImageReference = IMAGE.parse().unwrap();
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    match trip {
        "WasmPlugin" => {
            let manifest = read(&render::istio(policy, &image, render::Proxy::Gateway));
            // A Struct: the order of keys is lost, and every number is a double.
            retold(&manifest["spec"]["pluginConfig"])
        }
        "EnvoyExtensionPolicy" => {
            let manifest = read(&render::envoy_gateway(policy, &image).unwrap());
            manifest["spec"]["wasm"][0]["config"].to_string()
        }
        _ => {
            let block = read(&render::filter(policy, "accesspolicy.wasm"));
            let text = &block[0]["typed_config"]["config"]["configuration"]["value"];
            text.as_str().unwrap().to_owned()
        }
    }
}

/// The same JSON, keys in the opposite order and numbers as doubles.
fn retold(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Map<_, _> = members.clone();
            let told: Vec<String> = members
                .iter()
                .rev()
                .map(|(key, value)| format!("{}: {}", json!(key), retold(value)))
                .collect();
            format!("{{{}}}", told.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(retold).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Number(number) => format!("{:e}", number.as_f64().unwrap()),
        other => other.to_string(),
    }
}

/// Every vector comes out as it did, by policies that made each of the trips.
#[test]
fn what_arrives_decides_the_same() {
    let mut judged = 0;
    let mut wrong = Vec::new();
    for (name, text) in FILES {
        let mut tests = DecisionTests::read(name, text).unwrap();
        for trip in TRIPS {
            if trip != TRIPS[0] {
                tests.enforcement_point["requestHeaders"] = json!("Stream");
            }
            // Some change headers, which takes held ones.
            let Ok(compiled) = tests.compile() else {
                continue;
            };
            let compiled: CompiledPolicy = serde_json::from_str(&compiled).unwrap();
            let text = delivered(&compiled, trip);
            let arrived: CompiledPolicy = serde_json::from_str(&text).unwrap();
            assert!(arrived == compiled, "{name} is another policy by {trip}");
            let policies = Policies::from_json(text.as_bytes()).unwrap();
            let original = Policies::new(compiled).unwrap();
            for test in &tests.tests {
                judged += 1;
                let outcomes = [&original, &policies].map(|policies| test.judge(policies));
                let [before, after] = outcomes.each_ref().map(|outcome| format!("{outcome:?}"));
                if before != after {
                    wrong.push(format!("{name} by {trip}: {before}, then {after}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 1000, "{judged}");
}

/// What a platform can say otherwise stands in the manifest, where it matters.
#[test]
fn what_takes_a_platform_is_said() {
    let tests = DecisionTests::read(FILES[0].0, FILES[0].1).unwrap();
    let mut compiled: CompiledPolicy = serde_json::from_str(&tests.compile().unwrap()).unwrap();
    let image: ImageReference = IMAGE.parse().unwrap();
    let [hold, stream] = [RequestHeaders::Hold, RequestHeaders::Stream];
    for edge in [false, true] {
        compiled.settings.edge = edge;
        for headers in [hold, stream] {
            compiled.settings.request_headers = headers;
            let text = render::istio(&compiled, &image, render::Proxy::Gateway);
            assert_eq!(text.contains("`numTrustedProxies`"), edge, "{text}");
        }
        let text = render::envoy_gateway(&compiled, &image).unwrap();
        assert_eq!(text.contains("`clientIPDetection`"), edge, "{text}");
        assert!(!text.contains("useListenerPortAsContainerPort"), "{text}");
    }
    let (gateway, envoy) = (SafeInteger::from(443), SafeInteger::from(10443));
    compiled.settings.ports = vec![PortAlias { gateway, envoy }];
    let text = render::envoy_gateway(&compiled, &image).unwrap();
    assert!(text.contains("useListenerPortAsContainerPort"), "{text}");
}

/// Nothing that a policy says gets out of its place in a manifest.
#[test]
fn hostile_names_stay_in_their_place() {
    let tests = DecisionTests::read(FILES[0].0, FILES[0].1).unwrap();
    let mut compiled: CompiledPolicy = serde_json::from_str(&tests.compile().unwrap()).unwrap();
    let hostile = "x\"\n- {{policy}}: *a # \u{7f}\u{85}\u{2028}\u{feff}\u{1f600}\\ '";
    compiled.policies[0].policy.name = hostile.to_owned();
    compiled.gateway.name = hostile.to_owned();
    compiled.settings.request_headers = RequestHeaders::Stream;
    for trip in TRIPS {
        let arrived: CompiledPolicy = serde_json::from_str(&delivered(&compiled, trip)).unwrap();
        assert!(arrived == compiled, "{trip}");
    }
    let image = IMAGE.parse().unwrap();
    let manifest: Value =
        serde_saphyr::from_str(&render::istio(&compiled, &image, render::Proxy::Gateway)).unwrap();
    assert_eq!(manifest["spec"]["targetRefs"][0]["name"], hostile);
}

/// The origins, the names of what is added, and nothing where it has no place.
#[test]
fn pages_of_other_origins_are_let_in_by_envoys_own_filter() {
    let origins = [
        "--cors",
        "https://app.example",
        "--cors",
        "http://localhost:3000",
    ];
    let with = |policy, arguments: &[&str]| {
        let output = render(policy, &[arguments, &origins].concat());
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, envoy) = with([POLICY, POINT], &["--format", "envoy"]);
    assert_eq!(code, Some(0));
    let filters = yaml::parse(&envoy).unwrap();
    assert_eq!(filters[0]["name"], "envoy.filters.http.cors");
    assert_eq!(filters[1]["name"], "accesspolicy");
    for origin in ["https://app.example", "http://localhost:3000"] {
        assert!(
            envoy.contains(&format!("# {:6}- {{exact: \"{origin}\"}}", "")),
            "{envoy}"
        );
    }
    let last = |text: &str| yaml::parse(text.rsplit("\n---\n").next().unwrap()).unwrap();
    let istio = ["--format", "istio", "--image", IMAGE];
    for (policy, context, arguments) in [
        ([POLICY, ISTIO_HOLD], "GATEWAY", istio.to_vec()),
        ([STREAMED, ISTIO_STREAM], "GATEWAY", istio.to_vec()),
        (
            [STREAMED, ISTIO_STREAM],
            "SIDECAR_INBOUND",
            [&istio[..], &["--waypoint"]].concat(),
        ),
    ] {
        let (code, text) = with(policy, &arguments);
        assert_eq!(code, Some(0), "{arguments:?}");
        let added = last(&text);
        assert_eq!(added["kind"], "EnvoyFilter");
        let patches = added["spec"]["configPatches"].as_array().unwrap();
        assert!(
            patches
                .iter()
                .all(|patch| patch["match"]["context"] == context)
        );
        let part = &patches[1]["patch"]["value"]["typed_per_filter_config"]["accesspolicy.cors"];
        let matches = &part["allow_origin_string_match"];
        let exact = json!([{"exact": "https://app.example"}, {"exact": "http://localhost:3000"}]);
        assert_eq!(*matches, exact);
    }
    let gateway = ["--format", "envoy-gateway", "--image", IMAGE];
    let (code, text) = with([STREAMED, GATEWAY], &gateway);
    assert_eq!(code, Some(0));
    let added = last(&text);
    assert_eq!(added["kind"], "SecurityPolicy");
    let allowed = &added["spec"]["cors"]["allowOrigins"];
    assert_eq!(
        *allowed,
        json!(["https://app.example", "http://localhost:3000"])
    );
    for form in ["bootstrap", "discovery", "guard"] {
        let (code, text) = with([POLICY, POINT], &["--format", "envoy", "--form", form]);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{form}");
    }
    let any = render([POLICY, POINT], &["--format", "envoy", "--cors", "*"]);
    assert_eq!(any.status.code(), Some(2));
}
