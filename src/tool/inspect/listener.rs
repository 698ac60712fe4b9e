//! What listeners do with connections before there is a request.

use serde_json::Value;

use super::dump::{Chain, Dump};
use super::typed::{is_type, kinds, list, text};

/// Listeners' filters that take the address from what comes first over a connection, or may.
const TELLING: [&str; 2] = [
    "envoy.extensions.filters.listener.dynamic_modules.v3.DynamicModuleListenerFilter",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
];

const TLS: &str = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const SPIFFE: &str = "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";

/// Whether address and scheme are those of the connection.
pub(super) fn edge(dump: Dump<'_>, chain: &Chain<'_>) -> Option<String> {
    let manager = chain.manager;
    if manager.get("use_remote_address") != Some(&Value::Bool(true)) {
        return Some(
            "`edge: true` takes `use_remote_address: true`: clients choose their address"
                .to_owned(),
        );
    }
    let hops = manager.get("xff_num_trusted_hops").and_then(Value::as_u64);
    let others = list(manager, "/original_ip_detection_extensions");
    let what = if hops.is_some_and(|hops| hops > 0) {
        "`xff_num_trusted_hops`"
    } else if !others.is_empty() {
        "`original_ip_detection_extensions`"
    } else if chain.outer.get("use_proxy_proto") == Some(&Value::Bool(true)) {
        "`use_proxy_proto`"
    } else {
        return list(chain.listener, "/listener_filters")
            .iter()
            .find_map(|filter| told(dump, filter));
    };
    Some(format!(
        "with {what} Envoy takes the address that it is told, which `edge: true` says it does not"
    ))
}

/// Whether a listener's filter is one of those.
fn told(dump: Dump<'_>, filter: &Value) -> Option<String> {
    let name = text(filter, "/name");
    let configs = dump.configs(filter);
    if configs.is_empty() {
        return Some(format!(
            "the listener's filter `{name}` is not in the dump: it cannot be seen"
        ));
    }
    let mut types = configs.into_iter().flat_map(kinds);
    types.any(|kind| TELLING.contains(&kind)).then(|| {
        format!(
            "with the listener's filter `{name}` Envoy takes the address that it is told, which \
             `edge: true` says it does not"
        )
    })
}

/// Whether clients have certificates that were verified.
pub(super) fn certificates(dump: Dump<'_>, chain: &Chain<'_>) -> Option<String> {
    let tls = chain.outer.pointer("/transport_socket/typed_config");
    let Some(tls) = tls.filter(|tls| is_type(tls, TLS)) else {
        return Some("it ends no TLS: every caller is nobody".to_owned());
    };
    let common = tls.get("common_tls_context").unwrap_or(&Value::Null);
    let contexts = match contexts(dump, common) {
        Ok(contexts) => contexts,
        Err(secret) => {
            return Some(format!(
                "whom it trusts comes as the secret `{secret}`, which is not in the dump: it \
                 cannot be seen"
            ));
        }
    };
    if let Some(wrong) = contexts.iter().find_map(|context| unverified(context)) {
        return Some(wrong);
    }
    if tls.get("require_client_certificate") != Some(&Value::Bool(true)) {
        return Some(
            "it does not require certificates: who shows none is nobody, which is only what \
             rules without a source allow"
                .to_owned(),
        );
    }
    resumption(tls)
}

/// Whether sessions are resumed, of which Envoy does not say that they were verified.
fn resumption(tls: &Value) -> Option<String> {
    let switches = [
        "disable_stateless_session_resumption",
        "disable_stateful_session_resumption",
    ];
    let is_on = |switch: &&str| tls.get(switch) != Some(&Value::Bool(true));
    let switch = switches.into_iter().find(is_on)?;
    Some(format!(
        "it resumes TLS sessions, whose callers are nobody from Envoy 1.39 on: set `{switch}`"
    ))
}

/// Parts that Envoy makes one context of.
type Context<'d> = Vec<&'d Value>;

/// By what clients' certificates may be verified: several contexts where several secrets have
/// the name, each of which may be the one. The name of a secret that is not there is an error.
fn contexts<'d>(dump: Dump<'d>, common: &'d Value) -> Result<Vec<Context<'d>>, &'d str> {
    let own = [
        "/validation_context",
        "/combined_validation_context/default_validation_context",
    ];
    let own: Context<'d> = own.iter().filter_map(|path| common.pointer(path)).collect();
    let secrets = [
        "/validation_context_sds_secret_config",
        "/combined_validation_context/validation_context_sds_secret_config",
    ];
    let Some(secret) = secrets.iter().find_map(|path| common.pointer(path)) else {
        return Ok(vec![own]);
    };
    let name = text(secret, "/name");
    let found = dump.secrets(name).into_iter();
    let found = found.filter_map(|secret| secret.get("validation_context"));
    let with_own = |context| own.iter().copied().chain([context]).collect();
    let contexts: Vec<Context<'d>> = found.map(with_own).collect();
    match contexts.is_empty() {
        true => Err(name),
        false => Ok(contexts),
    }
}

/// Why certificates that a context lets in may not be verified.
fn unverified(context: &Context<'_>) -> Option<String> {
    let mut parts = context.iter();
    if parts.any(|part| text(part, "/trust_chain_verification") == "ACCEPT_UNTRUSTED") {
        return Some(
            "it accepts certificates that were not verified (`ACCEPT_UNTRUSTED`), whose callers \
             are nobody, and before Envoy 1.39 whoever they say"
                .to_owned(),
        );
    }
    let validators = context.iter();
    let validators = validators.filter_map(|part| part.get("custom_validator_config"));
    let mut validators = validators.peekable();
    if validators.peek().is_some() {
        let is_known = |validator: &Value| {
            let typed = validator.get("typed_config");
            typed.is_some_and(|typed| is_type(typed, SPIFFE))
        };
        return (!validators.all(is_known)).then(|| {
            "it verifies certificates by a validator that is not known here: what it lets in \
             cannot be seen"
                .to_owned()
        });
    }
    let mut parts = context.iter();
    (!parts.any(|part| part.get("trusted_ca").is_some()))
        .then(|| "it verifies no certificate: it lacks `trusted_ca`".to_owned())
}
