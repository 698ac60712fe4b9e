//! What loads the filter with a compiled policy: Envoy configuration, and the manifests of
//! Istio and Envoy Gateway.
//!
//! Templates beside this file, with comments for every setting that matters; what is put
//! into them is quoted. Every one carries the whole policy.

mod image;
mod template;

use std::fmt;
use std::net::SocketAddr;

pub use image::{ImageReference, NotByDigest};
use template::{Template, indented, quoted};

use crate::policy::{CompiledPolicy, IdentitySource, RequestHeaders};

/// Of a whole Envoy, what no policy says.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Where Envoy listens.
    pub listen: SocketAddr,
    /// Where the MCP server is.
    pub upstream: SocketAddr,
    /// The folder with `server.pem`, `server.key` and `authority.pem`.
    pub certificates: String,
    /// The file that brings the filter's configuration and its changes; absent writes it in.
    pub discovery: Option<String>,
}

/// Why there is no such configuration for a policy. Its display is one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Envoy Gateway cannot hold request headers.
    Holds,
    /// A whole Envoy has one cluster; the policy knows of so many.
    Clusters(usize),
    /// A whole Envoy knows callers by their certificates.
    Identity,
    /// A whole Envoy has no authorizers.
    Authorizers,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = "render the filter (`--form filter`) and put it into an Envoy of yours";
        match self {
            Self::Holds => f.write_str(
                "Envoy Gateway cannot hold request headers: compile the policy with \
                 `requestHeaders: Stream` in the enforcement point",
            ),
            Self::Clusters(count) => write!(
                f,
                "a whole Envoy is written for one cluster, and the enforcement point has {count} \
                 below `backends`: {filter}"
            ),
            Self::Identity => write!(
                f,
                "a whole Envoy is written for `identity.from: PeerCertificate` only: {filter}"
            ),
            Self::Authorizers => write!(
                f,
                "the policy asks authorizers, which a whole Envoy is not written for: {filter}"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

/// The filter's block in `http_filters` of an Envoy, which has the module in a file.
pub fn filter(policy: &CompiledPolicy, module: &str) -> String {
    let config = config(policy, &local(module), 4);
    Template(include_str!("filter.yaml")).fill(&[("config", &config)])
}

/// A whole Envoy.
///
/// # Errors
/// When the policy needs more than that has.
pub fn bootstrap(policy: &CompiledPolicy, module: &str, edge: &Edge) -> Result<String, Unfit> {
    let clusters: Vec<&String> = policy
        .backends
        .iter()
        .flat_map(|backend| &backend.clusters)
        .collect();
    let cluster = match &clusters[..] {
        [] => "mcp",
        [cluster] => cluster,
        several => return Err(Unfit::Clusters(several.len())),
    };
    if policy.settings.identity != IdentitySource::PeerCertificate {
        return Err(Unfit::Identity);
    }
    if policy
        .policies
        .iter()
        .any(|policy| policy.external_auth.is_some())
    {
        return Err(Unfit::Authorizers);
    }
    let filter = match &edge.discovery {
        None => filter(policy, module),
        Some(file) => Template(include_str!("discovered.yaml")).fill(&[("file", &quoted(file))]),
    };
    let every = vec!["/".to_owned()];
    let paths = policy.settings.mcp_paths.as_ref().unwrap_or(&every);
    let routes: String = paths.iter().map(|path| route(path, cluster)).collect();
    let file = |name: &str| quoted(&format!("{}/{name}", edge.certificates));
    Ok(Template(include_str!("bootstrap.yaml")).fill(&[
        ("listen_ip", &quoted(&edge.listen.ip().to_string())),
        ("listen_port", &edge.listen.port().to_string()),
        ("upstream_ip", &quoted(&edge.upstream.ip().to_string())),
        ("upstream_port", &edge.upstream.port().to_string()),
        ("server_pem", &file("server.pem")),
        ("server_key", &file("server.key")),
        ("authority_pem", &file("authority.pem")),
        ("buffer", &buffer(policy).to_string()),
        ("cluster", &quoted(cluster)),
        ("routes", &routes),
        ("filter", &indented(&filter, 18)),
    ]))
}

/// The filter's configuration as a file that Envoy reads, and reads again when it changes.
pub fn discovery(policy: &CompiledPolicy, module: &str) -> String {
    let config = config(policy, &local(module), 6);
    Template(include_str!("discovery.yaml"))
        .fill(&[("version", &quoted(&policy.digest)), ("config", &config)])
}

/// The manifest for Istio: a `WasmPlugin` where headers are streamed, an `EnvoyFilter`
/// where they are held.
pub fn istio(policy: &CompiledPolicy, image: &ImageReference) -> String {
    let url = format!("oci://{image}");
    let gateway = &policy.gateway;
    let extension = format!("{}.accesspolicy-{}", gateway.namespace, gateway.name);
    let code = format!(
        "remote:\n  # The digest of the image.\n  sha256: {}\n  http_uri: {{uri: {}}}\n",
        quoted(image.sha256()),
        quoted(&url)
    );
    let (template, policy_text) = match policy.settings.request_headers {
        RequestHeaders::Stream => (include_str!("wasm-plugin.yaml"), object(policy, 4)),
        RequestHeaders::Hold => (include_str!("envoy-filter.yaml"), config(policy, &code, 12)),
    };
    Template(template).fill(&[
        ("name", &name(policy)),
        ("namespace", &quoted(&gateway.namespace)),
        ("gateway", &quoted(&gateway.name)),
        ("extension", &quoted(&extension)),
        ("url", &quoted(&url)),
        ("policy", &policy_text),
        ("config", &policy_text),
    ])
}

/// The manifest for Envoy Gateway.
///
/// # Errors
/// When the policy holds headers.
pub fn envoy_gateway(policy: &CompiledPolicy, image: &ImageReference) -> Result<String, Unfit> {
    if policy.settings.request_headers == RequestHeaders::Hold {
        return Err(Unfit::Holds);
    }
    Ok(Template(include_str!("extension-policy.yaml")).fill(&[
        ("name", &name(policy)),
        ("namespace", &quoted(&policy.gateway.namespace)),
        ("gateway", &quoted(&policy.gateway.name)),
        ("url", &quoted(&image.to_string())),
        ("sha256", &quoted(image.sha256())),
        ("buffer", &buffer(policy).to_string()),
        ("policy", &object(policy, 8)),
    ]))
}

/// The filter's part of an Envoy configuration, with the module as `code` has it.
fn config(policy: &CompiledPolicy, code: &str, indent: usize) -> String {
    let headers = match policy.settings.request_headers {
        RequestHeaders::Hold => {
            "# The headers wait until the body has been judged, so that the\n\
             # server sees nothing of a refused request. With\n\
             # `requestHeaders: Hold` a request hangs without this.\n\
             allow_on_headers_stop_iteration: true\n"
        }
        RequestHeaders::Stream => {
            "# Request headers go on before the body has been judged: of a\n\
             # request that is refused for its body, the server sees them and\n\
             # a reset, never a byte of the body (`requestHeaders: Stream`).\n"
        }
    };
    let config = Template(include_str!("config.yaml")).fill(&[
        ("headers", &indented(headers, 2)),
        ("code", &indented(code, 6)),
        ("policy", &object(policy, 6)),
    ]);
    indented(&config, indent)
}

fn local(module: &str) -> String {
    format!("local: {{filename: {}}}\n", quoted(module))
}

/// The policy as JSON, which is YAML as well.
fn object(policy: &CompiledPolicy, indent: usize) -> String {
    // INVARIANT: a compiled policy has only members that JSON can write.
    let text = serde_json::to_string_pretty(policy).unwrap_or_default();
    indented(&template::printable(&text), indent)
}

fn route(path: &str, cluster: &str) -> String {
    let kind = if path == "/" {
        "prefix"
    } else {
        "path_separated_prefix"
    };
    let route = format!(
        "- match: {{{kind}: {}}}\n  route:\n    cluster: {}\n    \
         # A call, or its event stream, takes as long as it takes.\n    timeout: 0s\n",
        quoted(path),
        quoted(cluster)
    );
    indented(&route, 24)
}

/// What Envoy is to buffer for a connection, in bytes.
fn buffer(policy: &CompiledPolicy) -> u64 {
    policy.settings.limits.body_bytes.get().max(1 << 20)
}

fn name(policy: &CompiledPolicy) -> String {
    quoted(&format!("accesspolicy-{}", policy.gateway.name))
}
