//! What loads the filter with a compiled policy: Envoy configuration, and the manifests of
//! Istio and Envoy Gateway.
//!
//! Templates beside this file, with comments for every setting that matters; what is put
//! into them is quoted. Every one carries the whole policy.

mod address;
mod bootstrap;
mod cors;
mod error;
mod image;
mod object_size;
mod ports;
mod template;

pub use address::{Address, AddressError, ClusterAddress, Route};
pub use bootstrap::{Edge, bootstrap};
pub use cors::{Origin, OriginError, cors_filter, envoy_gateway_cors, istio_cors};
pub use error::RenderError;
pub use image::{ImageReference, ImageReferenceError};
pub use object_size::too_large_for_kubernetes;
pub use ports::{Placed, Platform, PortPair, placed};
use template::{Template, indented, quoted};

use crate::engine::policy::{CompiledPolicy, RequestHeaders};

/// Which proxy of Istio's a Gateway is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// At the edge of the mesh.
    Gateway,
    /// Within it, before services.
    Waypoint,
}

impl Proxy {
    /// Where patches match. Istio takes one for the wrong place, and does nothing.
    const fn context(self) -> &'static str {
        match self {
            Self::Gateway => "GATEWAY",
            Self::Waypoint => "SIDECAR_INBOUND",
        }
    }
}

/// The filter's block in `http_filters` of an Envoy, which has the module in a file, and the
/// guard behind it.
pub fn filter(policy: &CompiledPolicy, module: &str) -> String {
    let config = config(policy, &local(module), 4);
    let filter = Template(include_str!("filter.yaml")).fill(&[("config", &config)]);
    format!("{filter}{}", guard(policy))
}

/// A filter of Envoy's own that lets nothing through which the filter did not.
pub fn guard(policy: &CompiledPolicy) -> String {
    let lets = match policy.settings.request_headers {
        RequestHeaders::Hold => "{exact: allow}",
        RequestHeaders::Stream => "{safe_regex: {regex: allow|pending}}",
    };
    Template(include_str!("guard.yaml")).fill(&[("match", lets)])
}

/// The same as a patch of Istio's.
fn guard_patch(policy: &CompiledPolicy, proxy: Proxy) -> String {
    // The only item of a list, of which the patch is the value; without what is said above it.
    let guard = guard(policy);
    let item = guard.split_once("- ").map_or("", |(_, item)| item);
    let item = item.replace("\n  ", "\n");
    Template(include_str!("guard-patch.yaml")).fill(&[
        ("context", proxy.context()),
        ("guard", &indented(&item, 10)),
    ])
}

/// The filter's configuration as a file that Envoy reads, and reads again when it changes.
pub fn discovery(policy: &CompiledPolicy, module: &str) -> String {
    let config = config(policy, &local(module), 6);
    Template(include_str!("discovery.yaml"))
        .fill(&[("version", &quoted(&policy.digest)), ("config", &config)])
}

/// The manifest for Istio: a `WasmPlugin` where headers are streamed, an `EnvoyFilter`
/// where they are held.
pub fn istio(policy: &CompiledPolicy, image: &ImageReference, proxy: Proxy) -> String {
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
        ("edge", edge(policy, EDGE_OF_ISTIO)),
        ("policy", &policy_text),
        ("config", &policy_text),
        ("context", proxy.context()),
        ("guard", &guard_patch(policy, proxy)),
    ])
}

/// The guard by itself, as a manifest for Istio: for what has the filter as a `WasmPlugin`.
pub fn istio_guard(policy: &CompiledPolicy, proxy: Proxy) -> String {
    let gateway = &policy.gateway;
    Template(include_str!("guard-filter.yaml")).fill(&[
        ("guard_name", &guard_name(policy)),
        ("namespace", &quoted(&gateway.namespace)),
        ("gateway", &quoted(&gateway.name)),
        ("guard", &guard_patch(policy, proxy)),
    ])
}

/// What keeps others from taking the filter away, as manifests for Kubernetes: for what has
/// it as an `EnvoyExtensionPolicy`.
pub fn envoy_gateway_guard(policy: &CompiledPolicy) -> String {
    let gateway = &policy.gateway;
    // Of the whole cluster: two parts that no other Gateway has, as no namespace has a dot.
    let guard_name = format!("accesspolicy-guard.{}.{}", gateway.namespace, gateway.name);
    // A text of CEL; names of Kubernetes have nothing in them that would end it.
    let text = |text: &str| format!("{text:?}");
    Template(include_str!("guard-admission.yaml")).fill(&[
        ("guard_name", &quoted(&guard_name)),
        ("namespace_text", &text(&gateway.namespace)),
    ])
}

fn guard_name(policy: &CompiledPolicy) -> String {
    name_with(policy, "guard")
}

fn name_with(policy: &CompiledPolicy, word: &str) -> String {
    quoted(&format!("accesspolicy-{}-{word}", policy.gateway.name))
}

/// The manifest for Envoy Gateway.
///
/// # Errors
/// When the policy holds headers.
pub fn envoy_gateway(
    policy: &CompiledPolicy,
    image: &ImageReference,
) -> Result<String, RenderError> {
    if policy.settings.request_headers == RequestHeaders::Hold {
        return Err(RenderError::Holds);
    }
    let ports = match policy.settings.ports.as_slice() {
        [] => "",
        _ => PORTS_OF_ENVOY_GATEWAY,
    };
    Ok(Template(include_str!("extension-policy.yaml")).fill(&[
        ("name", &name(policy)),
        ("namespace", &quoted(&policy.gateway.namespace)),
        ("gateway", &quoted(&policy.gateway.name)),
        ("url", &quoted(&image.to_string())),
        ("sha256", &quoted(image.sha256())),
        ("buffer", &buffer(policy).to_string()),
        ("edge", edge(policy, EDGE_OF_ENVOY_GATEWAY)),
        ("ports", ports),
        ("policy", &object(policy, 8)),
    ]))
}

/// What `edge: true` takes of a platform, as lines of comment.
const EDGE_OF_ISTIO: &str = "\
# `edge: true`: gateways of Istio take address and scheme from the connection, unless their
# proxy configuration says otherwise (`gatewayTopology`: `numTrustedProxies`, `proxyProtocol`).
";
const EDGE_OF_ENVOY_GATEWAY: &str = "\
# `edge: true`: Envoy Gateway takes address and scheme from the connection, unless a
# ClientTrafficPolicy says otherwise (`clientIPDetection`, `enableProxyProtocol`, `proxyProtocol`).
";

const PORTS_OF_ENVOY_GATEWAY: &str = "\
# `settings.ports`: Envoy Gateway takes ports below 1024 on 10000 more, unless the EnvoyProxy
# says `useListenerPortAsContainerPort`; `accesspolicy render --port 443=443` says so.
";

const fn edge(policy: &CompiledPolicy, comment: &'static str) -> &'static str {
    match policy.settings.edge {
        true => comment,
        false => "",
    }
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

/// What Envoy is to buffer for a connection, in bytes.
fn buffer(policy: &CompiledPolicy) -> u64 {
    policy.settings.limits.body_bytes.get().max(1 << 20)
}

fn name(policy: &CompiledPolicy) -> String {
    quoted(&format!("accesspolicy-{}", policy.gateway.name))
}
