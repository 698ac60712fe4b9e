//! `accesspolicy render`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use super::policy_input::Subject;
use super::{REFUSED, diagnostics, fail, output, say};
use crate::engine::policy::PortAlias;
use crate::tool::render::{
    self, Address, ClusterAddress, Edge, ImageReference, Origin, Placed, Platform, PortPair, Proxy,
    Route,
};

/// Write what loads the filter with a policy
///
/// For Envoy, the filter's block, a whole Envoy, or a file by which a running one is given
/// another policy. For Istio, a WasmPlugin where the policy streams request headers, and an
/// EnvoyFilter where it holds them. For Envoy Gateway, an EnvoyExtensionPolicy.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 written, 1 refused, 2 wrong usage.

Examples:
  accesspolicy render --format envoy --config policy.json
  accesspolicy render --format envoy --config policy.json --form bootstrap \\
    --upstream 127.0.0.1:8000 --cluster authorizer=127.0.0.1:9000
  accesspolicy render --format istio --config policy.json \\
    --image registry.example/accesspolicy@sha256:…")]
pub(super) struct RenderArguments {
    /// What is to load it
    #[arg(long)]
    format: RenderFormat,

    #[command(flatten)]
    subject: Subject,

    /// The filter's image, with its digest: what `push` wrote. Istio, Envoy Gateway
    #[arg(long, value_name = "REF")]
    image: Option<ImageReference>,

    /// The filter's file, as Envoy is to find it
    #[arg(
        long,
        value_name = "FILE",
        default_value = "target/wasm32-wasip1/release/accesspolicy.wasm"
    )]
    module: String,

    /// How much of an Envoy
    #[arg(long, default_value = "filter")]
    form: Product,

    /// Beside the filter, what lets pages of this origin call from a browser. Repeatable
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<Origin>,

    /// Istio: the Gateway is a waypoint
    #[arg(long)]
    waypoint: bool,

    /// bootstrap: where Envoy listens
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:10000")]
    listen: SocketAddr,

    /// A port of the Gateway, and the one that Envoy takes it on: `443=8443`. Repeatable
    #[arg(long, value_name = "GATEWAY=ENVOY")]
    port: Vec<PortPair>,

    /// bootstrap: the port of Envoy's admin interface, on loopback; 0: there is none
    #[arg(long, value_name = "PORT", default_value = "9901")]
    admin_port: u16,

    /// bootstrap: where the MCP server is, if the policy knows one cluster of it at most
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000")]
    upstream: Address,

    /// bootstrap: where an authorizer is, or one of several MCP servers, by its cluster.
    /// Repeatable
    #[arg(long, value_name = "NAME=HOST:PORT")]
    cluster: Vec<ClusterAddress>,

    /// bootstrap: what goes to which of several MCP servers, by the front of the path.
    /// Repeatable
    #[arg(long, value_name = "PATH=CLUSTER")]
    route: Vec<Route>,

    /// bootstrap: the folder with server.pem, server.key and authority.pem
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    certificates: String,

    /// bootstrap: take the filter's configuration, and its changes, from this file
    #[arg(long, value_name = "FILE")]
    discovery: Option<String>,

    /// Write there instead of to standard output, in one move
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RenderFormat {
    /// Envoy, with the filter in a file
    Envoy,
    /// Istio, with the filter in an image
    Istio,
    /// Envoy Gateway, with the filter in an image
    EnvoyGateway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Product {
    /// The block for `http_filters`
    Filter,
    /// A whole Envoy: TLS, one listener, the filter, MCP servers and authorizers
    Bootstrap,
    /// The file of `--discovery`
    Discovery,
    /// What guards the filter: of Envoy, and of Istio beside a WasmPlugin, a filter that lets
    /// nothing through which this one did not; of Envoy Gateway, a
    /// ValidatingAdmissionPolicy that keeps others from replacing it
    Guard,
}

pub(super) fn run(arguments: &RenderArguments) -> ExitCode {
    let RenderArguments {
        format,
        subject,
        image,
        module,
        form,
        cors,
        waypoint,
        listen,
        port,
        admin_port,
        upstream,
        cluster,
        route,
        certificates,
        discovery,
        output,
    } = arguments;
    let is_guard = *form == Product::Guard;
    if *waypoint && *format != RenderFormat::Istio {
        return fail("`--waypoint` is for `--format istio`");
    }
    let proxy = match waypoint {
        true => Proxy::Waypoint,
        false => Proxy::Gateway,
    };
    if *format != RenderFormat::Envoy && *form != Product::Filter && !is_guard {
        return fail("`--form` is for `--format envoy`: there is one form of the others");
    }
    if !cors.is_empty() && *form != Product::Filter {
        return fail(
            "`--cors` is for `--form filter`: browsers send preflights without the client \
             certificate that `bootstrap` wants, and the other forms have no place for it",
        );
    }
    if discovery.is_some() && *form != Product::Bootstrap {
        return fail("`--discovery` is for `--form bootstrap`");
    }
    if !(cluster.is_empty() && route.is_empty()) && *form != Product::Bootstrap {
        return fail("`--cluster` and `--route` are for `--form bootstrap`");
    }
    if !is_guard && (*format == RenderFormat::Envoy) == image.is_some() {
        return fail(match image {
            Some(_) => "Envoy takes the filter from a file: `--module` instead of `--image`",
            None => "say which image has the filter: `--image`, with what `push` wrote",
        });
    }
    let policy = match subject.load("nothing was written") {
        Ok(loaded) => {
            if let Some(report) = &loaded.report {
                diagnostics::print(report);
            }
            loaded.document.compiled().clone()
        }
        Err(code) => return code,
    };
    let platform = match (format, form) {
        (RenderFormat::Envoy, Product::Bootstrap) => Platform::Bootstrap(*listen),
        (RenderFormat::Envoy, _) => Platform::Envoy,
        (RenderFormat::Istio, _) => Platform::Istio,
        (RenderFormat::EnvoyGateway, _) => Platform::EnvoyGateway,
    };
    let Placed { policy, warnings } = match render::placed(&policy, platform, port) {
        Ok(placed) => placed,
        Err(unfit) => {
            say(format_args!("error: {unfit}"));
            return ExitCode::from(REFUSED);
        }
    };
    for warning in &warnings {
        say(format_args!("warning: {warning}"));
    }
    if discovery.is_some() {
        for PortAlias { gateway, envoy } in &policy.settings.ports {
            let pair = format!("{}={}", gateway.get(), envoy.get());
            say(format_args!(
                "note: say `--port {pair}` with `--form discovery` as well"
            ));
        }
    }
    let rendered = match (format, form, image) {
        (RenderFormat::Envoy, Product::Filter, _) => Ok(render::filter(&policy, module)),
        (RenderFormat::Envoy, Product::Guard, _) => Ok(render::guard(&policy)),
        (RenderFormat::Istio, Product::Guard, _) => Ok(render::istio_guard(&policy, proxy)),
        (RenderFormat::EnvoyGateway, Product::Guard, _) => Ok(render::envoy_gateway_guard(&policy)),
        (RenderFormat::Envoy, Product::Discovery, _) => Ok(render::discovery(&policy, module)),
        (RenderFormat::Istio, _, Some(image)) => Ok(render::istio(&policy, image, proxy)),
        (RenderFormat::EnvoyGateway, _, Some(image)) => render::envoy_gateway(&policy, image),
        _ => {
            let edge = Edge {
                listen: *listen,
                admin_port: Some(*admin_port).filter(|port| *port != 0),
                upstream: upstream.clone(),
                clusters: cluster.clone(),
                routes: route.clone(),
                certificates: certificates.clone(),
                discovery: discovery.clone(),
            };
            render::bootstrap(&policy, module, &edge)
        }
    };
    let text = match rendered {
        Ok(text) if cors.is_empty() => text,
        Ok(text) => match format {
            RenderFormat::Envoy => render::cors_filter(cors) + &text,
            RenderFormat::Istio => text + &render::istio_cors(&policy, cors, proxy),
            RenderFormat::EnvoyGateway => text + &render::envoy_gateway_cors(&policy, cors),
        },
        Err(unfit) => {
            say(format_args!("error: {unfit}"));
            return ExitCode::from(REFUSED);
        }
    };
    if !is_guard && let Some(warning) = render::too_large_for_kubernetes(&policy, platform, &text) {
        say(format_args!("warning: {warning}"));
    }
    match (output::write(&text, output.as_deref()), output) {
        (Ok(()), _) => ExitCode::SUCCESS,
        (Err(error), Some(path)) => {
            fail(format_args!("cannot write `{}`: {error}", path.display()))
        }
        (Err(error), None) => output::unwritten(&error),
    }
}
