//! What is to be explained.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::policy_input::{LoadedPolicy, Subject};
use super::super::{OutputForm, REFUSED, diagnostics, fail, say};
use super::caller;
use crate::engine::mcp::Method;
use crate::engine::policy::{CompiledPolicy, ObjectName};
use crate::engine::request::SpiffeId;
use crate::tool::api::decode::closest;
use crate::tool::compile::{STANDARD_INPUT, read_bytes, read_source};
use crate::tool::decision_tests::{
    AuthorizerReply, Expect, Suite, TestBody, TestRequest, call_body, read_request,
};

/// Say what becomes of one request, and why
///
/// Lets the request go the whole way that it goes in the filter and shows every level,
/// policy and rule it meets, in order, with what each condition wants and what it found.
///
/// The request comes from a file in the form of decision tests (a test without
/// expectations), from the options, or from both: options go before the file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 explained, 1 not as expected, 2 wrong usage.")]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(super) subject: Subject,

    /// The request: a YAML or JSON file, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,

    /// The caller's SPIFFE ID; without it, nobody
    #[arg(long, value_name = "SPIFFE-ID")]
    caller: Option<String>,

    /// A JSON-RPC request: a method, or a method and what it acts on: "tools/call echo"
    #[arg(long, visible_alias = "method", value_name = "CALL")]
    call: Option<String>,

    /// The body, byte for byte: a file, or `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "call")]
    body: Option<PathBuf>,

    /// A header; can be given several times
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The authority
    #[arg(long)]
    host: Option<String>,

    /// The path, with query; else the first that carries MCP
    #[arg(long)]
    path: Option<String>,

    /// The HTTP method; else POST
    #[arg(long, value_name = "METHOD")]
    http_method: Option<String>,

    /// The XBackend that the request goes to; else the only one there is
    #[arg(long, value_name = "NAMESPACE/NAME", conflicts_with = "cluster")]
    backend: Option<String>,

    /// The Envoy cluster that the route chose, instead of the backend
    #[arg(long)]
    cluster: Option<String>,

    /// The port of the Gateway that the request arrives on
    #[arg(long)]
    port: Option<u16>,

    /// What the next authorizer answers: a status, or `none`; can be given several times
    #[arg(long = "answer", value_name = "STATUS", value_parser = answer)]
    answers: Vec<AuthorizerReply>,

    /// Why the caller may not call a tool: the nearest rule, and what is missing
    #[arg(long, value_name = "TOOL", conflicts_with_all = ["call", "body"], value_parser = tool)]
    pub(super) why_not: Option<String>,

    /// Show every rule, also those for other callers
    #[arg(long)]
    pub(super) all: bool,

    /// Exit with 1 when it is otherwise
    #[arg(long, value_name = "OUTCOME")]
    pub(super) expect: Option<ExpectedOutcome>,

    /// How it is written
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) output: OutputForm,
}

/// What becomes of a request, as decision tests have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ExpectedOutcome {
    /// The request goes on
    Allow,
    /// Policies or an authorizer deny it
    Deny,
    /// It is rejected before any policy is consulted
    Reject,
}

impl ExpectedOutcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Reject => "reject",
        }
    }

    pub(super) fn is_met(self, found: Option<Expect>) -> bool {
        match self {
            Self::Allow => found == Some(Expect::Allow),
            Self::Deny => found == Some(Expect::Deny),
            Self::Reject => found == Some(Expect::Reject),
        }
    }
}

impl ExplainArguments {
    /// The request, and what authorizers answer; where it cannot be read, says so.
    pub(super) fn request(
        &self,
        loaded: &LoadedPolicy,
    ) -> Result<(TestRequest, Vec<AuthorizerReply>), ExitCode> {
        let is_stdin = |path: &&PathBuf| path.as_os_str() == STANDARD_INPUT;
        let files = self.request.iter().chain(&self.body).filter(is_stdin);
        if files.count() + usize::from(self.subject.reads_stdin()) > 1 {
            return Err(fail("standard input can be only one of the files"));
        }
        let asks = self.call.is_some()
            || self.body.is_some()
            || self.http_method.is_some()
            || self.why_not.is_some();
        let (mut request, mut answers) = match &self.request {
            Some(path) => {
                let source = read_source(path).map_err(fail)?;
                if Suite::is_meant(&source) {
                    return Err(fail(format_args!(
                        "`{}` holds decision tests, and --request wants one request: put what \
                         is below one of its `tests` into a file, without what is expected",
                        source.name()
                    )));
                }
                read_request(source).map_err(|report| {
                    diagnostics::print(&report);
                    diagnostics::refused(&report, "the request cannot be explained");
                    ExitCode::from(REFUSED)
                })?
            }
            None if asks => <(TestRequest, Vec<AuthorizerReply>)>::default(),
            None => {
                return Err(fail(
                    "say what is asked: --request, --call, --body, --http-method or --why-not",
                ));
            }
        };
        let compiled = loaded.document.compiled();
        self.add_to(&mut request, compiled)?;
        if let Some(name) = &self.backend {
            let known = name.split_once('/').and_then(|(namespace, name)| {
                let (namespace, name) = (namespace.to_owned(), name.to_owned());
                TestRequest::cluster_of(compiled, &ObjectName { namespace, name })
            });
            let Some(cluster) = known else {
                return Err(fail(format_args!(
                    "no XBackend `{name}` is behind this gateway; there {}",
                    backends(loaded)
                )));
            };
            request.cluster = Some(cluster.to_owned());
        }
        request.fill_in(compiled);
        if request.cluster.is_none() && compiled.backends.len() > 1 {
            return Err(fail(format_args!(
                "say where the request goes, by --backend or --cluster; there {}",
                backends(loaded)
            )));
        }
        if let Some(said) = request.port.and_then(|port| no_listener(loaded, port)) {
            say(format_args!("note: {said}"));
        }
        if !self.answers.is_empty() {
            answers.clone_from(&self.answers);
        }
        Ok((request, answers))
    }

    fn add_to(&self, request: &mut TestRequest, policy: &CompiledPolicy) -> Result<(), ExitCode> {
        if let Some(caller) = &self.caller {
            if SpiffeId::new(caller).is_none() {
                return Err(fail(match caller::of_account(caller, policy) {
                    Some(meant) => format!("`{caller}` is no SPIFFE ID; did you mean `{meant}`?"),
                    None => format!(
                        "`{caller}` is no SPIFFE ID, such as `{}`",
                        caller::example(policy)
                    ),
                }));
            }
            if let Some(meant) = caller::in_another_domain(caller, policy) {
                say(format_args!(
                    "note: no rule is for `{caller}`; did you mean `{meant}`?"
                ));
            }
            request.caller = Some(caller.clone());
        }
        let why_not = self
            .why_not
            .as_ref()
            .map(|tool| format!("tools/call {tool}"));
        if let Some(call) = self.call.as_ref().or(why_not.as_ref()) {
            let meant = meant_call(call);
            let body = call_body(call).map_err(|what| match &meant {
                Some(meant) => fail(format_args!(
                    "`{call}`: MCP has no such method; did you mean `{meant}`?"
                )),
                None => fail(format_args!("`{call}`: {what}; give the message by --body")),
            })?;
            if let Some(meant) = meant {
                say(format_args!(
                    "note: MCP has no method `{call}`; did you mean `{meant}`?"
                ));
            }
            request.body = TestBody::Message(body);
        }
        if let Some(path) = &self.body {
            request.body = TestBody::Bytes(read_bytes(path).map_err(fail)?);
        }
        for header in &self.headers {
            let Some((name, value)) = header.split_once(':') else {
                return Err(fail(format_args!("`{header}` is no header: `name: value`")));
            };
            let (name, value) = (name.trim(), value.trim());
            request
                .headers
                .push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let given = |option: &Option<String>, field: &mut Option<String>| {
            if option.is_some() {
                field.clone_from(option);
            }
        };
        given(&self.host, &mut request.host);
        given(&self.path, &mut request.path);
        given(&self.http_method, &mut request.method);
        given(&self.cluster, &mut request.cluster);
        request.port = self.port.or(request.port);
        if request.time.is_none() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
            request.time = now.and_then(|now| u64::try_from(now.as_nanos()).ok());
        }
        Ok(())
    }
}

/// A tool's name, also where it is said as what is called.
fn tool(text: &str) -> Result<String, Infallible> {
    let name = text.trim().strip_prefix("tools/call ");
    Ok(name.unwrap_or(text).trim().to_owned())
}

/// The call that is most likely meant by one whose method no version of MCP has.
fn meant_call(call: &str) -> Option<String> {
    let (method, thing) = call.split_once(' ').unwrap_or((call, ""));
    if Method::NAMES.contains(&method) {
        return None;
    }
    let near = closest(method, Method::NAMES.iter().copied());
    match near {
        Some(near) => Some(format!("{near} {thing}").trim().to_owned()),
        None if thing.is_empty() && !method.contains('/') => Some(format!("tools/call {method}")),
        None => None,
    }
}

/// An answer of an authorizer's.
fn answer(text: &str) -> Result<AuthorizerReply, &'static str> {
    let status = match text {
        "none" => None,
        _ => {
            let status = text.parse().ok();
            let status = status.filter(|status| (200..=599).contains(status));
            Some(status.ok_or("an answer is a status from 200 to 599, or `none`")?)
        }
    };
    Ok(AuthorizerReply {
        status,
        ..AuthorizerReply::default()
    })
}

/// What there is instead of a listener on a port, where there is none.
fn no_listener(loaded: &LoadedPolicy, port: u16) -> Option<String> {
    let compiled = loaded.document.compiled();
    let port = u64::from(port);
    let listeners = compiled.listeners.iter();
    if listeners
        .clone()
        .any(|listener| listener.port.get() == port)
    {
        return None;
    }
    let gateway = compiled.settings.gateway_port(port);
    let names: Vec<String> = listeners
        .map(|listener| format!("`{}` on {}", listener.name, listener.port.get()))
        .collect();
    let there = match names.as_slice() {
        [] => "lists none".to_owned(),
        names => format!("lists {}", names.join(", ")),
    };
    Some(match gateway == port {
        true => format!("no listener has port {port}: the enforcement point {there}"),
        false => format!(
            "{port} is the port of Envoy's that stands for the Gateway's port {gateway}: say \
             `--port {gateway}`"
        ),
    })
}

/// `is infra/a`, `are infra/a and infra/b`, in the words of an error.
fn backends(loaded: &LoadedPolicy) -> String {
    let backends = loaded.document.compiled().backends.iter();
    let names: Vec<String> = backends.map(|found| found.backend.to_string()).collect();
    match names.as_slice() {
        [] => "is none".to_owned(),
        [one] => format!("is `{one}`"),
        several => format!("are `{}`", several.join("`, `")),
    }
}
