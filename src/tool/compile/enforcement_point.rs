//! The enforcement point file: where a compiled policy will run, and what names
//! mean there.
//!
//! Unknown fields are refused.

mod authorizers;
mod identity;
mod log;
mod mcp_path;

use super::diagnostic::{Report, Severity};
use super::documents::{OWN, only};
use super::inputs::Input;
use crate::engine::policy::{
    AllowPolicies, Backend, DenialForm, Limits, Listener, ObjectName, OnRevocation, RequestHeaders,
    ResourceParam, SafeInteger, Settings, UnknownMembers, Unlisted, Unprotected,
};
use crate::tool::api::decode::{
    Choice, EmptyList, FieldPlace, Located, MappingDecoder, Optional, Problem, Required,
    StringForm, Undecoded, boolean, choice, integer, list, refuse_duplicates, text,
};
use crate::tool::api::names;
use crate::tool::api::yaml::YamlDocument;
use authorizers::ExternalAuthSettings;
pub(super) use authorizers::Service;
use identity::Identity;

const KIND: &str = "EnforcementPoint";

/// Where a compiled policy will run.
#[derive(Debug, Clone)]
pub(super) struct EnforcementPoint {
    /// The Gateway, and where the file names it.
    pub(super) gateway: Located<ObjectName>,
    /// Its listeners.
    pub(super) listeners: Vec<Listener>,
    /// The XBackends behind it.
    pub(super) backends: Vec<Backend>,
    /// Their names, and where the file has them.
    pub(super) backend_names: Vec<Located<ObjectName>>,
    /// What authorizers can be asked.
    pub(super) services: Vec<Service>,
    /// Where the file says that requests go on where no authorizer answers, if it does.
    pub(super) open_on_error: Option<FieldPlace>,
    /// The trust domain of its service accounts.
    pub(super) trust_domain: Option<String>,
    /// Whether the file says how several Allow policies combine.
    pub(super) says_allow_policies: bool,
    /// Where the file says what happens without policies.
    pub(super) unprotected: Option<FieldPlace>,
    /// Where the file says that this Envoy is the edge, if it does.
    pub(super) edge: Option<FieldPlace>,
    /// Where the file says that resources are judged by name, if it does.
    pub(super) by_name: Option<FieldPlace>,
    /// The settings, defaults included.
    pub(super) settings: Settings,
}

impl Choice for AllowPolicies {
    const ALL: &'static [(&'static str, Self)] = &[("All", Self::All), ("Any", Self::Any)];
}

impl Choice for Unprotected {
    const ALL: &'static [(&'static str, Self)] = &[("Deny", Self::Deny), ("Allow", Self::Allow)];
}

impl Choice for Unlisted {
    const ALL: &'static [(&'static str, Self)] =
        &[("Deny", Self::Deny), ("Gateway", Self::Gateway)];
}

impl Choice for RequestHeaders {
    const ALL: &'static [(&'static str, Self)] = &[("Hold", Self::Hold), ("Stream", Self::Stream)];
}

impl Choice for DenialForm {
    const ALL: &'static [(&'static str, Self)] = &[
        ("JsonRpc", Self::JsonRpc),
        ("Http403", Self::Http403),
        ("Hide", Self::Hide),
    ];
}

impl Choice for ResourceParam {
    const ALL: &'static [(&'static str, Self)] = &[("Uri", Self::Uri), ("Name", Self::Name)];
}

impl Choice for OnRevocation {
    const ALL: &'static [(&'static str, Self)] = &[("Keep", Self::Keep), ("Close", Self::Close)];
}

impl Choice for UnknownMembers {
    const ALL: &'static [(&'static str, Self)] = &[("Reject", Self::Reject), ("Pass", Self::Pass)];
}

const CLUSTER: StringForm = StringForm {
    is: "a cluster's name",
    min: 1,
    max: usize::MAX,
    matches: |_| true,
    help: "name the Envoy cluster",
};

/// Reads an enforcement point, and reports what is wrong with it.
pub(super) fn read(part: Input, report: &mut Report) -> Option<EnforcementPoint> {
    let (root, mut problems) = match part {
        Input::File(file) => {
            let YamlDocument { root, problems } = only(file, KIND, report)?;
            (root, problems)
        }
        Input::Node(root) => (root, Vec::new()),
    };
    let point = MappingDecoder::root(&root, &mut problems).and_then(decode);
    let refused = !problems.is_empty();
    report.add(Severity::Error, None, problems);
    point.filter(|_| !refused)
}

fn decode(mut object: MappingDecoder<'_, '_>) -> Option<EnforcementPoint> {
    let version = object.required(
        "apiVersion",
        "apiVersion: accesspolicy/v1",
        text(&names::ANY),
    );
    refuse_other(version, OWN, &mut object);
    let kind = object.required("kind", "kind: EnforcementPoint", text(&names::ANY));
    refuse_other(kind, KIND, &mut object);
    let example = "gateway: {namespace: infra, name: prod}";
    let gateway = object.required("gateway", example, object_name);
    let listeners = object.optional("listeners", listeners);
    let backends = object.optional("backends", backends);
    let trust_domain = object.optional("trustDomain", text(&names::TRUST_DOMAIN));
    let trust_domain = trust_domain.given().map(|domain| domain.value.clone());
    let identity = object.optional("identity", identity::identity);
    let allow_policies = object.optional("allowPolicies", choice);
    let says_allow_policies = allow_policies.is_written();
    let unprotected = object.optional("unprotected", choice);
    let unprotected_at = unprotected
        .given()
        .map(|unprotected| unprotected.at.clone());
    let unlisted = object.optional("unlisted", choice);
    let on_revocation = object.optional("onRevocation", choice);
    let resource_param = object.optional("resourceParam", choice);
    let by_name = resource_param
        .given()
        .filter(|param| param.value == ResourceParam::Name)
        .map(|param| param.at.clone());
    let request_headers = object.optional("requestHeaders", choice);
    let mcp = object.optional("mcp", McpSettings::read);
    require_paths(&request_headers, &mcp, &mut object);
    let denial = object.optional("denial", denial);
    let limits = object.optional("limits", limits);
    let services = object.optional("services", authorizers::services);
    let asking = object.optional("externalAuth", authorizers::asking);
    let edge = object.optional("edge", boolean);
    let edge_at = edge.given().filter(|edge| edge.value);
    let edge_at = edge_at.map(|edge| edge.at.clone());
    let log = object.optional("log", log::log);
    object.finish();
    let asking = asking.or(ExternalAuthSettings::default())?;
    let mcp = mcp.or(McpSettings::default())?;
    let (backends, backend_names) = backends.or(Default::default())?;
    Some(EnforcementPoint {
        gateway: gateway?,
        listeners: listeners.or(Vec::new())?,
        backends,
        backend_names,
        services: services.or(Vec::new())?,
        open_on_error: asking.open,
        says_allow_policies,
        unprotected: unprotected_at,
        edge: edge_at,
        by_name,
        settings: Settings {
            identity: identity
                .or(Identity::PeerCertificate)?
                .source(trust_domain.as_deref())?,
            allow_policies: allow_policies.or(AllowPolicies::All)?,
            unprotected: unprotected.or(Unprotected::Deny)?,
            unlisted: unlisted.or(Unlisted::Deny)?,
            on_revocation: on_revocation.or(OnRevocation::Keep)?,
            resource_param: resource_param.or(ResourceParam::Uri)?,
            request_headers: request_headers.or(RequestHeaders::Hold)?,
            mcp_paths: mcp.paths,
            unknown_members: mcp.unknown_members,
            denial: denial.or(DenialForm::JsonRpc)?,
            limits: limits.or(default_limits())?,
            external_auth: asking.settings,
            edge: edge.or(false)?,
            ports: Vec::new(),
            log_allowed_per_million: log.or(SafeInteger::default())?,
        },
        trust_domain,
    })
}

/// SECURITY: where any POST may carry MCP, the server sees the headers of each before its
/// body is judged, and many servers act on headers alone.
fn require_paths(
    request_headers: &Optional<RequestHeaders>,
    mcp: &Optional<McpSettings>,
    object: &mut MappingDecoder<'_, '_>,
) {
    let streams = |headers: &&Located<RequestHeaders>| headers.value == RequestHeaders::Stream;
    let lacks_paths = match mcp {
        Optional::Absent => true,
        Optional::Given(mcp) => mcp.value.paths.is_none(),
        Optional::Unreadable => false,
    };
    if let Some(headers) = request_headers.given().filter(streams)
        && lacks_paths
    {
        let message = "`requestHeaders: Stream` needs `mcp.paths`: the server sees the headers of \
                       a POST that may carry MCP before its body is judged";
        object.report(
            Problem::new(&headers.at, message)
                .help("add `mcp: {paths: [/mcp]}` with the paths at which the servers speak MCP"),
        );
    }
}

fn refuse_other(found: Required<String>, expected: &str, object: &mut MappingDecoder<'_, '_>) {
    if let Some(found) = found.filter(|found| found.value != expected) {
        let message = format!("expected `{expected}`, found `{}`", found.value);
        object.report(Problem::new(&found.at, message));
    }
}

fn object_name(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<ObjectName> {
    let mut object = MappingDecoder::open(value, problems)?;
    let namespace = object.required("namespace", "namespace: infra", text(&names::NAMESPACE));
    let name = object.required("name", "name: prod", text(&names::OBJECT_NAME));
    object.finish();
    Some(ObjectName {
        namespace: namespace?.value,
        name: name?.value,
    })
}

fn listeners(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Listener>> {
    let written = list(usize::MAX, EmptyList::Meant, listener)(value, problems)?;
    let names = || written.iter().map(|written| &written.value.0);
    refuse_duplicates(
        "listener",
        names().map(|name| (&name.value, &name.at)),
        problems,
    );
    let ports = written.iter().map(|written| &written.value.1);
    // What tells listeners apart is the port that a request arrives on.
    refuse_duplicates("port", ports.map(|port| (port.value, &port.at)), problems);
    let mut listeners: Vec<Listener> = Vec::new();
    for Located {
        value: (name, port),
        ..
    } in written
    {
        let name = name.value;
        let port = SafeInteger::new(port.value)?;
        listeners.push(Listener { name, port });
    }
    listeners.sort_by(|a, b| a.name.cmp(&b.name));
    Some(listeners)
}

type WrittenListener = (Located<String>, Located<u64>);

fn listener(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<WrittenListener> {
    let mut object = MappingDecoder::open(value, problems)?;
    let name = object.required("name", "name: mcp", text(&names::SECTION_NAME));
    let port = object.required("port", "port: 8443", integer(1, 65535));
    object.finish();
    name.zip(port)
}

/// A backend as written; what is not there was reported.
struct ParsedBackend {
    backend: Option<Located<ObjectName>>,
    clusters: Vec<Located<String>>,
}

/// Backends, and where each is named.
type Backends = (Vec<Backend>, Vec<Located<ObjectName>>);

fn backends(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Backends> {
    let written = list(usize::MAX, EmptyList::Meant, backend)(value, problems)?;
    let names = written
        .iter()
        .filter_map(|written| written.value.backend.as_ref());
    refuse_duplicates(
        "backend",
        names.clone().map(|name| (&name.value, &name.at)),
        problems,
    );
    let clusters = written.iter().flat_map(|written| &written.value.clusters);
    refuse_duplicates(
        "cluster",
        clusters.map(|cluster| (&cluster.value, &cluster.at)),
        problems,
    );
    let names = names.cloned().collect();
    let mut backends = Vec::new();
    for Located {
        value: ParsedBackend { backend, clusters },
        ..
    } in written
    {
        let mut clusters: Vec<String> = clusters.into_iter().map(|cluster| cluster.value).collect();
        clusters.sort();
        backends.push(Backend {
            backend: backend?.value,
            clusters,
        });
    }
    backends.sort_by(|a, b| a.backend.cmp(&b.backend));
    Some((backends, names))
}

fn backend(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<ParsedBackend> {
    let mut object = MappingDecoder::open(value, problems)?;
    let namespace = object.required("namespace", "namespace: infra", text(&names::NAMESPACE));
    let name = object.required("name", "name: tools", text(&names::OBJECT_NAME));
    let empty = EmptyList::Refused("name the Envoy clusters that serve the backend");
    let clusters = list(usize::MAX, empty, text(&CLUSTER));
    let clusters = object.required("clusters", "clusters: [tools]", clusters);
    object.finish();
    let backend = namespace.zip(name).map(|(namespace, name)| Located {
        value: ObjectName {
            namespace: namespace.value,
            name: name.value,
        },
        at: name.at,
    });
    Some(ParsedBackend {
        backend,
        clusters: clusters.map_or(Vec::new(), |clusters| clusters.value),
    })
}

/// What of MCP the file says.
#[derive(Default)]
struct McpSettings {
    paths: Option<Vec<String>>,
    unknown_members: UnknownMembers,
}

impl McpSettings {
    fn read(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut object = MappingDecoder::open(value, problems)?;
        let empty =
            EmptyList::Refused("leave `paths` out where every path carries MCP, or list one");
        let paths = object.optional("paths", list(usize::MAX, empty, mcp_path::mcp_path));
        let unknown_members = object.optional("unknownMembers", choice);
        object.finish();
        let paths = match paths {
            Optional::Given(paths) => {
                let keys = paths.value.iter().map(|path| (&*path.value, &path.at));
                refuse_duplicates("path", keys, problems);
                Some(paths.value.into_iter().map(|path| path.value).collect())
            }
            absent => absent.or(Vec::new()).map(|_| None)?,
        };
        Some(Self {
            paths,
            unknown_members: unknown_members.or(UnknownMembers::default())?,
        })
    }
}

fn denial(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<DenialForm> {
    let mut object = MappingDecoder::open(value, problems)?;
    let mcp = object.optional("mcp", choice);
    object.finish();
    mcp.or(DenialForm::JsonRpc)
}

/// 4 MiB, as the servers of both official SDKs have it, and 64 levels.
fn default_limits() -> Limits {
    Limits {
        body_bytes: SafeInteger::from(4 << 20),
        depth: SafeInteger::from(64),
        keys: SafeInteger::from(Limits::KEYS),
        body_timeout: Limits::BODY_TIMEOUT,
    }
}

fn limits(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Limits> {
    let mut object = MappingDecoder::open(value, problems)?;
    let body_bytes = object.optional("bodyBytes", whole(64 << 20));
    let depth = object.optional("depth", whole(512));
    let keys = object.optional("keys", whole(100_000));
    let body_timeout = object.optional("bodyTimeout", authorizers::timeout);
    object.finish();
    let default = default_limits();
    Some(Limits {
        body_bytes: body_bytes.or(default.body_bytes)?,
        depth: depth.or(default.depth)?,
        keys: keys.or(default.keys)?,
        body_timeout: body_timeout.or(default.body_timeout)?,
    })
}

fn whole(max: i64) -> impl Fn(Undecoded<'_>, &mut Vec<Problem>) -> Option<SafeInteger> {
    move |value, problems| integer(1, max)(value, problems).and_then(SafeInteger::new)
}
