//! Whom a policy asks.

use crate::engine::policy::{self, ObjectName, SafeInteger};
use crate::tool::api::authorizer::{
    BackendRef, ExternalAuthProtocol, ForwardBody, GrpcAuthConfig, HttpAuthConfig,
    HttpExternalAuthFilter,
};
use crate::tool::api::decode::{FieldPlace, Located, Optional, Problem};

/// Whom a policy asks, and what it shows them.
#[derive(Debug, Clone)]
pub(in crate::tool::compile) struct CheckedAuth {
    pub(in crate::tool::compile) protocol: policy::Protocol,
    /// The service, and where it is named.
    pub(in crate::tool::compile) service: Located<ServicePort>,
    /// How much of a body is forwarded, in bytes, and where it says so.
    pub(in crate::tool::compile) max_body: Option<Located<SafeInteger>>,
    /// Where it says which headers of answers are copied.
    pub(in crate::tool::compile) copying: Option<FieldPlace>,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tool::compile) struct ServicePort {
    pub(in crate::tool::compile) service: ObjectName,
    pub(in crate::tool::compile) port: u64,
}

/// Checks whom a policy of a namespace asks; `None` when problems were reported.
pub(super) fn check_external_auth(
    external_auth: &HttpExternalAuthFilter,
    at: &FieldPlace,
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<CheckedAuth> {
    let HttpExternalAuthFilter {
        protocol,
        backend_ref,
        forward_body,
        http,
        grpc,
    } = external_auth;
    let service = backend_ref
        .as_ref()
        .and_then(|backend| check_backend(backend, namespace, problems));
    let max_body = check_body(forward_body);
    let kind = protocol.as_ref()?;
    check_members(kind, http, grpc, at, problems)?;
    let copying = |http: &HttpAuthConfig| {
        let given = http.allowed_response_headers.given();
        given
            .filter(|list| !list.value.is_empty())
            .map(|list| list.at.clone())
    };
    let (protocol, copying) = match kind.value {
        ExternalAuthProtocol::Http => {
            let http = &http.given()?.value;
            (
                policy::Protocol::Http(check_http(http, problems)?),
                copying(http),
            )
        }
        ExternalAuthProtocol::Grpc => {
            let GrpcAuthConfig { allowed_headers } = &grpc.given()?.value;
            let allowed = headers(allowed_headers)?;
            let grpc = policy::GrpcAuth {
                allowed_headers: Some(allowed).filter(|allowed| !allowed.is_empty()),
            };
            (policy::Protocol::Grpc(grpc), None)
        }
    };
    Some(CheckedAuth {
        protocol,
        service: service?,
        max_body: max_body?,
        copying,
    })
}

/// What a protocol needs is given, and what another needs is not.
fn check_members(
    kind: &Located<ExternalAuthProtocol>,
    http: &Optional<HttpAuthConfig>,
    grpc: &Optional<GrpcAuthConfig>,
    at: &FieldPlace,
    problems: &mut Vec<Problem>,
) -> Option<()> {
    let (is, needed, other) = match kind.value {
        ExternalAuthProtocol::Http => ("HTTP", ("http", http.is_written()), ("grpc", place(grpc))),
        ExternalAuthProtocol::Grpc => ("GRPC", ("grpc", grpc.is_written()), ("http", place(http))),
    };
    let before = problems.len();
    if let (name, false) = needed {
        let message = format!("the protocol is `{is}`, and `{name}` is missing");
        problems.push(Problem::new(at, message).help(format!("add `{name}: {{}}`")));
    }
    if let (name, Some(at)) = other {
        let message = format!("`{name}` is given, and the protocol is `{is}`");
        problems.push(Problem::new(at, message).help("leave it out, or change the protocol"));
    }
    (problems.len() == before).then_some(())
}

fn place<T>(member: &Optional<T>) -> Option<&FieldPlace> {
    member.given().map(|given| &given.at)
}

/// SPEC: a Service of the core group, by name and port; another namespace is for the
/// enforcement point to grant.
fn check_backend(
    backend: &Located<BackendRef>,
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<Located<ServicePort>> {
    let BackendRef {
        group,
        kind,
        name,
        namespace: own,
        port,
    } = &backend.value;
    let group_name = group.clone().or(String::new())?;
    let kind_name = kind.clone().or("Service".to_owned())?;
    if (group_name.as_str(), kind_name.as_str()) != ("", "Service") {
        let at = match (kind, group) {
            (Optional::Given(kind), _) if kind.value != "Service" => &kind.at,
            (_, Optional::Given(group)) => &group.at,
            _ => &backend.at,
        };
        let message = match group_name.as_str() {
            "" => format!("authorizers of kind `{kind_name}` are not asked"),
            group => format!("authorizers of kind `{kind_name}` in group `{group}` are not asked"),
        };
        problems.push(Problem::new(at, message).help("a `Service` of the core group, \"\""));
        return None;
    }
    if !port.is_written() {
        let message = "`backendRef` has no `port`, which a Service needs";
        problems.push(Problem::new(&backend.at, message).help("add `port: ...`"));
    }
    let service = ObjectName {
        namespace: own.clone().or(namespace.to_owned())?,
        name: name.as_ref()?.value.clone(),
    };
    Some(Located {
        value: ServicePort {
            service,
            port: port.given()?.value,
        },
        at: backend.at.clone(),
    })
}

/// How much of a body is shown; `None` inside is none of it.
fn check_body(forward: &Optional<ForwardBody>) -> Option<Option<Located<SafeInteger>>> {
    let Located { value, at } = match forward {
        Optional::Absent => return Some(None),
        Optional::Unreadable => return None,
        Optional::Given(forward) => forward,
    };
    let value = SafeInteger::new(value.max_size.clone().or(0)?)?;
    let at = at.clone();
    Some(Some(Located { value, at }).filter(|size| size.value.get() > 0))
}

fn check_http(http: &HttpAuthConfig, problems: &mut Vec<Problem>) -> Option<policy::HttpAuth> {
    let HttpAuthConfig {
        path,
        allowed_headers,
        allowed_response_headers,
    } = http;
    if let Some(path) = path.given()
        && path.value.split('/').any(|part| matches!(part, "." | ".."))
    {
        let message = format!("`{}` has `.` or `..` as a segment", path.value);
        problems.push(Problem::new(&path.at, message).help("write the path that is meant"));
        return None;
    }
    let path = path.clone().or(String::new())?;
    let has_start = path.is_empty() || path.starts_with('/');
    let allowed = headers(allowed_headers)?;
    let copied = headers(allowed_response_headers)?;
    Some(policy::HttpAuth {
        path: if has_start { path } else { format!("/{path}") },
        allowed_headers: allowed,
        allowed_response_headers: Some(copied).filter(|copied| !copied.is_empty()),
    })
}

/// The names of a list, in lower case and in order.
fn headers(list: &Optional<Vec<Located<String>>>) -> Option<Vec<String>> {
    let list = list.clone().or(Vec::new())?;
    let mut names: Vec<String> = list
        .into_iter()
        .map(|name| name.value.to_ascii_lowercase())
        .collect();
    names.sort();
    Some(names)
}
