//! The published schemas are in step with what is read, by the word of an independent
//! validator.
#![cfg(not(target_arch = "wasm32"))]

#[path = "support/yaml.rs"]
#[allow(unreachable_pub, missing_docs)]
mod yaml;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use accesspolicy::engine::expr::{CelNode, CelProgram, CompiledRegex};
use accesspolicy::engine::policy::{
    Action, AllowPolicies, AskSettings, Backend, BaseProtocol, CalloutHost, CompiledPolicy,
    DenialForm, ExternalAuth, GrpcAuth, HeaderMatch, HttpAuth, HttpMatch, IdentitySource, Limits,
    Listener, Mcp, MetadataText, MethodMatch, MethodName, Mode, ObjectName, OnError, Oversize,
    PathMatch, Policy, PortAlias, Protocol, RequestHeaders, ResourceParam, Rule, SCHEMA_VERSION,
    SafeInteger, Settings, Target, Timeout, UnknownMembers, Unprotected, ValueMatch,
};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FORMATS: [&str; 3] = ["compiled", "enforcement-point", "tests"];

/// Where a value is written out that another schema, or none, is for.
const OPEN: [&str; 4] = [
    "/tests/message",
    "/policies",
    "/enforcementPoint",
    // A pair, not an object.
    "/tests/headers",
];

fn schema(format: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    let output = command.args(["schema", format]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn validator(format: &str) -> Validator {
    jsonschema::draft202012::new(&schema(format)).unwrap()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(ROOT).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == extension) => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}

/// Every document that is accepted, by format.
fn accepted(format: &str) -> Vec<(PathBuf, Value)> {
    let read = |path: PathBuf| {
        let value = yaml::read(&path).unwrap();
        (path, value)
    };
    let all: Vec<_> = match format {
        "compiled" => {
            let written = [
                "tests/manifests/accepted",
                "tests/manifests/enforcement-points",
            ];
            let written = written.iter().flat_map(|folder| files(folder, "json"));
            let documents = written.map(read);
            documents
                .filter(|(_, value)| value.get("schemaVersion").is_some())
                .collect()
        }
        "enforcement-point" => {
            let alone = files("tests/manifests/enforcement-points", "yaml");
            let alone = alone
                .into_iter()
                .filter(|path| path.with_extension("json").exists());
            let beside = files("tests/manifests/accepted", "yaml");
            let beside = beside
                .into_iter()
                .filter(|path| path.to_str().unwrap().ends_with(".point.yaml"));
            let theirs = files("policies", "yaml");
            let theirs = theirs
                .into_iter()
                .filter(|path| path.ends_with("enforcement-point.yaml"));
            alone.chain(beside).chain(theirs).map(read).collect()
        }
        _ => {
            let theirs = files("policies", "yaml");
            let theirs = theirs
                .into_iter()
                .filter(|path| path.ends_with("tests.yaml"));
            let own = files("tests/decisions", "yaml").into_iter();
            own.chain(theirs).map(read).collect()
        }
    };
    assert!(all.len() > 10, "{format}: {}", all.len());
    all
}

#[test]
fn they_are_schemas_of_2020_12() {
    for format in FORMATS {
        let schema = schema(format);
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{format}");
    }
}

#[test]
fn all_that_is_accepted_is_valid() {
    for format in FORMATS {
        let validator = validator(format);
        for (path, value) in accepted(format) {
            let errors = validator.iter_errors(&value);
            let errors: Vec<String> = errors
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        }
    }
}

/// Whatever object of an accepted document gets another member, it is valid no more.
#[test]
fn unknown_fields_are_refused() {
    for format in FORMATS {
        let validator = validator(format);
        let mut tried = BTreeSet::new();
        for (path, value) in accepted(format) {
            for place in objects(&value, "") {
                // Every kind of place once is enough.
                if !tried.insert(kind(&place)) || is_open(format, &place) {
                    continue;
                }
                let mut changed = value.clone();
                let object = changed.pointer_mut(&place).unwrap();
                object["unknownField"] = json!("x");
                assert!(!validator.is_valid(&changed), "{}: {place}", path.display());
            }
        }
        assert!(tried.len() >= 4, "{format}: {tried:?}");
    }
}

fn is_open(format: &str, place: &str) -> bool {
    let kind = kind(place);
    format == "tests" && OPEN.iter().any(|open| kind.starts_with(open))
}

/// Where objects are in a value, as JSON pointers.
fn objects(value: &Value, at: &str) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            let members = members.iter();
            members
                .flat_map(|(name, value)| objects(value, &format!("{at}/{}", escaped(name))))
                .collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .flat_map(|(number, value)| objects(value, &format!("{at}/{number}")))
                .collect()
        }
        _ => Vec::new(),
    };
    let own = value.is_object().then(|| at.to_owned());
    own.into_iter().chain(below).collect()
}

/// A place without the numbers of items.
fn kind(place: &str) -> String {
    let is_name = |part: &&str| !part.bytes().all(|b| b.is_ascii_digit()) || part.is_empty();
    place
        .split('/')
        .filter(is_name)
        .collect::<Vec<_>>()
        .join("/")
}

/// A place of a document, with a field that is unknown there, and the schema's for it.
const PLACES: [(&str, &str, &str); 15] = [
    ("enforcement-point", "", ""),
    ("enforcement-point", "gateway", "/$defs/objectName"),
    (
        "enforcement-point",
        "listeners[]",
        "/properties/listeners/items",
    ),
    (
        "enforcement-point",
        "backends[]",
        "/properties/backends/items",
    ),
    (
        "enforcement-point",
        "services[]",
        "/properties/services/items",
    ),
    ("enforcement-point", "identity", "/properties/identity"),
    (
        "enforcement-point",
        "identity.metadata",
        "/properties/identity/properties/metadata",
    ),
    ("enforcement-point", "mcp", "/properties/mcp"),
    ("enforcement-point", "denial", "/properties/denial"),
    ("enforcement-point", "limits", "/properties/limits"),
    (
        "enforcement-point",
        "externalAuth",
        "/properties/externalAuth",
    ),
    (
        "enforcement-point",
        "log.allowed",
        "/properties/log/properties/allowed",
    ),
    ("tests", "", ""),
    ("tests", "tests[]", "/$defs/test"),
    (
        "tests",
        "tests[].answers[]",
        "/$defs/test/properties/answers/items",
    ),
];

/// The tool names the fields that it knows where it does not know one: these and no others
/// has the schema.
#[test]
fn the_fields_are_those_that_are_read() {
    for (format, place, pointer) in PLACES {
        let schema = schema(format);
        let object = schema.pointer(pointer).unwrap();
        let published: BTreeSet<String> = names(&object["properties"]);
        assert_eq!(published, known(format, place), "{format}: {place}");
        assert_eq!(object["additionalProperties"], false, "{format}: {place}");
    }
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// The fields that the tool knows at a place.
fn known(format: &str, place: &str) -> BTreeSet<String> {
    let unknown = json!({"zzzzzzzz": 1});
    let mut document = unknown.clone();
    let steps = place.split('.').filter(|step| !step.is_empty());
    for step in steps.rev() {
        document = match step.strip_suffix("[]") {
            Some(name) => json!({name: [document]}),
            None => json!({step: document}),
        };
    }
    let kind = match format {
        "tests" => "DecisionTests",
        _ => "EnforcementPoint",
    };
    let mut members: Map<String, Value> = document.as_object().unwrap().clone();
    members.insert("apiVersion".to_owned(), json!("accesspolicy/v1"));
    members.insert("kind".to_owned(), json!(kind));
    let name = format!(
        "schemas-{format}-{}.yaml",
        place.replace(['[', ']', '.'], "-")
    );
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, Value::Object(members).to_string()).unwrap();
    let file = file.to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    let command = command.current_dir(ROOT);
    let output = match format {
        "tests" => command.args(["test", file]).output().unwrap(),
        _ => {
            let arguments = [
                "compile",
                "policies/demo/policy.yaml",
                "--enforcement-point",
                file,
            ];
            command.args(arguments).output().unwrap()
        }
    };
    let said = String::from_utf8(output.stderr).unwrap();
    // Lines are wrapped.
    let said: Vec<&str> = said.split_whitespace().collect();
    let said = said.join(" ");
    let (_, rest) = said
        .split_once("unknown field `zzzzzzzz`")
        .unwrap_or_else(|| panic!("{said}"));
    let (_, rest) = rest.split_once("the fields here are ").unwrap();
    let mut fields = BTreeSet::new();
    for word in rest.split(' ') {
        let field = word.trim_end_matches(',').trim_matches('`');
        fields.insert(field.to_owned());
        if !word.ends_with(',') {
            break;
        }
    }
    fields
}

/// What is read with an unknown version, or a value that is none of those there are.
#[test]
fn what_is_wrong_is_invalid() {
    let point = json!({"apiVersion": "accesspolicy/v1", "kind": "EnforcementPoint",
        "gateway": {"namespace": "infra", "name": "prod"}});
    let validator = validator("enforcement-point");
    assert!(validator.is_valid(&point));
    for (field, value) in [
        ("apiVersion", json!("accesspolicy/v2")),
        ("gateway", json!({"namespace": "infra"})),
        ("gateway", json!({"namespace": "In fra", "name": "prod"})),
        ("allowPolicies", json!("Some")),
        ("limits", json!({"depth": 0})),
        ("limits", json!({"depth": 1.5})),
        ("log", json!({"allowed": {"sample": 1.5}})),
        ("log", json!({"allowed": {}})),
        ("identity", json!({"from": "Metadata"})),
        (
            "identity",
            json!({"metadata": {"namespace": "a", "path": ["b"]}}),
        ),
        ("externalAuth", json!({"timeout": "1"})),
        ("mcp", json!({"paths": []})),
        ("trustDomain", json!(null)),
    ] {
        let mut wrong = point.clone();
        wrong[field] = value;
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

/// Every member of a compiled policy that there can be: a new one breaks the build here.
fn everything() -> CompiledPolicy {
    let name = || ObjectName {
        namespace: "n".to_owned(),
        name: "o".to_owned(),
    };
    let strings = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let expression = || CompiledRegex {
        text: "a".to_owned(),
        automaton: String::new(),
    };
    let rule = Rule {
        name: "r".to_owned(),
        source: Some("spiffe://d/a".to_owned()),
        http: Some(Box::new(HttpMatch {
            methods: Some(strings(&["GET"])),
            paths: Some(vec![
                PathMatch::Exact("/a".to_owned()),
                PathMatch::PathPrefix("/b".to_owned()),
                PathMatch::RegularExpression(expression()),
            ]),
            headers: Some(vec![
                HeaderMatch {
                    name: "a".to_owned(),
                    value: ValueMatch::Exact("b".to_owned()),
                },
                HeaderMatch {
                    name: "a".to_owned(),
                    value: ValueMatch::RegularExpression(expression()),
                },
            ]),
            hosts: Some(strings(&["a"])),
            ports: Some(vec![SafeInteger::from(1)]),
        })),
        mcp: Some(Mcp {
            methods: Some(
                MethodName::ALL
                    .map(|name| MethodMatch {
                        name,
                        params: Some(strings(&["a"])),
                    })
                    .into(),
            ),
            base_protocol: BaseProtocol::Full,
        }),
        cel: Some(Box::new(CelProgram {
            text: "true".to_owned(),
            nodes: vec![CelNode::Item(0)],
            patterns: vec![expression()],
        })),
        message: Some("m".to_owned()),
    };
    let asking = |protocol| Policy {
        policy: name(),
        action: Action::ExternalAuth,
        mode: Mode::Audit,
        external_auth: Some(ExternalAuth {
            protocol,
            cluster: "c".to_owned(),
            authority: "a:80".to_owned(),
            max_body: Some(SafeInteger::from(1)),
            order: SafeInteger::from(1),
        }),
        targets: vec![
            Target::Gateway,
            Target::Listener("l".to_owned()),
            Target::Backend(name()),
        ],
        rules: Some(vec![rule.clone()]),
    };
    let metadata = MetadataText::new("n".to_owned(), strings(&["p"]), Some("d".to_owned()));
    CompiledPolicy {
        schema_version: SafeInteger::from(SCHEMA_VERSION),
        digest: "sha256:0".to_owned(),
        seal: Some("0".to_owned()),
        gateway: name(),
        settings: Settings {
            identity: IdentitySource::Metadata(metadata.unwrap()),
            allow_policies: AllowPolicies::Any,
            unprotected: Unprotected::Allow,
            unlisted: accesspolicy::engine::policy::Unlisted::Gateway,
            on_revocation: accesspolicy::engine::policy::OnRevocation::Close,
            resource_param: ResourceParam::Name,
            request_headers: RequestHeaders::Stream,
            mcp_paths: Some(strings(&["/mcp"])),
            unknown_members: UnknownMembers::Pass,
            denial: DenialForm::Hide,
            limits: Limits {
                body_bytes: SafeInteger::from(1),
                depth: SafeInteger::from(1),
                keys: SafeInteger::from(9),
                body_timeout: Timeout::new(5).unwrap(),
            },
            external_auth: AskSettings {
                timeout: Timeout::new(1).unwrap(),
                on_error: OnError::Allow,
                oversize: Oversize::Truncate,
                routing: accesspolicy::engine::policy::Routing::Fixed,
                host: CalloutHost::Service,
            },
            edge: true,
            ports: vec![PortAlias {
                gateway: SafeInteger::from(443),
                envoy: SafeInteger::from(10443),
            }],
            log_allowed_per_million: SafeInteger::from(1),
        },
        listeners: vec![Listener {
            name: "l".to_owned(),
            port: SafeInteger::from(1),
        }],
        backends: vec![Backend {
            backend: name(),
            clusters: strings(&["c"]),
        }],
        policies: vec![
            asking(Protocol::Http(HttpAuth {
                path: "/a".to_owned(),
                allowed_headers: strings(&["a"]),
                allowed_response_headers: Some(strings(&["a"])),
            })),
            asking(Protocol::Grpc(GrpcAuth {
                allowed_headers: Some(strings(&["a"])),
            })),
        ],
    }
}

/// A compiled policy with every member is valid, and the schema has no others.
#[test]
fn every_member_of_a_compiled_policy_is_published() {
    let value = serde_json::to_value(everything()).unwrap();
    let schema = schema("compiled");
    let validator = validator("compiled");
    let errors = validator.iter_errors(&value);
    let errors: Vec<String> = errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut written = BTreeSet::new();
    members(&value, &mut written);
    let mut published = BTreeSet::new();
    properties(&schema, &mut published);
    assert_eq!(written, published);
}

/// The names of all members in a value.
fn members(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(own) => own.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            members(value, names);
        }),
        Value::Array(items) => items.iter().for_each(|item| members(item, names)),
        _ => {}
    }
}

/// The names of all properties in a schema.
fn properties(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(own)) = members.get("properties") {
                names.extend(own.keys().cloned());
            }
            members.values().for_each(|value| properties(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, names)),
        _ => {}
    }
}
