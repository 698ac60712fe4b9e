//! `services` and `externalAuth`: where authorizers are, and how they are asked.

use super::CLUSTER;
use crate::engine::policy::{
    AskSettings, CalloutHost, ObjectName, OnError, Oversize, Routing, Timeout,
};
use crate::tool::api::decode::{
    Choice, EmptyList, FieldPlace, Located, MappingDecoder, Problem, StringForm, Undecoded, choice,
    integer, list, refuse_duplicates, text,
};
use crate::tool::api::names;

/// A service, and the Envoy cluster that it is reached by.
#[derive(Debug, Clone)]
pub(in crate::tool::compile) struct Service {
    pub(in crate::tool::compile) service: ObjectName,
    pub(in crate::tool::compile) port: u64,
    pub(in crate::tool::compile) cluster: String,
}

/// `externalAuth`, and where it says that requests go on without an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct ExternalAuthSettings {
    pub(super) settings: AskSettings,
    pub(super) open: Option<FieldPlace>,
}

impl Choice for OnError {
    const ALL: &'static [(&'static str, Self)] = &[("Deny", Self::Deny), ("Allow", Self::Allow)];
}

impl Choice for Oversize {
    const ALL: &'static [(&'static str, Self)] =
        &[("Reject", Self::Reject), ("Truncate", Self::Truncate)];
}

impl Choice for CalloutHost {
    const ALL: &'static [(&'static str, Self)] =
        &[("Client", Self::Client), ("Service", Self::Service)];
}

impl Choice for Routing {
    const ALL: &'static [(&'static str, Self)] =
        &[("Unknown", Self::Unknown), ("Fixed", Self::Fixed)];
}

const TIMEOUT: StringForm = StringForm {
    is: "a timeout",
    min: 1,
    max: 32,
    matches: |text| duration(text).is_some(),
    help: "a number with `h`, `m`, `s` or `ms`, such as `1s`, `500ms` or `1m30s`; from `1ms` to \
           `24h`",
};

/// SPEC: Gateway API, GEP-2257: `^([0-9]{1,5}(h|m|s|ms)){1,4}$`
fn duration(text: &str) -> Option<Timeout> {
    let mut rest = text;
    let mut milliseconds = 0_u64;
    let mut parts = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(end);
        if !(1..=5).contains(&number.len()) {
            return None;
        }
        let units = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let found = units.iter().find_map(|(unit_name, factor)| {
            let rest = unit.strip_prefix(unit_name)?;
            Some((rest, *factor))
        });
        let (after, factor) = found?;
        milliseconds += number.parse::<u64>().ok()? * factor;
        parts += 1;
        rest = after;
    }
    (1..=4).contains(&parts).then_some(())?;
    Timeout::new(milliseconds)
}

/// A timeout.
pub(super) fn timeout(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Timeout> {
    text(&TIMEOUT)(value, problems).and_then(|text| duration(&text))
}

pub(super) fn asking(
    value: Undecoded<'_>,
    problems: &mut Vec<Problem>,
) -> Option<ExternalAuthSettings> {
    let mut object = MappingDecoder::open(value, problems)?;
    let timeout = object.optional("timeout", timeout);
    let on_error = object.optional("onError", choice::<OnError>);
    let oversize = object.optional("oversize", choice);
    let host = object.optional("host", choice);
    let routing = object.optional("routing", choice);
    object.finish();
    let default = AskSettings::default();
    let open = on_error
        .given()
        .filter(|on_error| on_error.value == OnError::Allow)
        .map(|on_error| on_error.at.clone());
    Some(ExternalAuthSettings {
        settings: AskSettings {
            timeout: timeout.or(default.timeout)?,
            on_error: on_error.or(default.on_error)?,
            oversize: oversize.or(default.oversize)?,
            host: host.or(default.host)?,
            routing: routing.or(default.routing)?,
        },
        open,
    })
}

pub(super) fn services(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Service>> {
    let services = list(usize::MAX, EmptyList::Meant, service)(value, problems)?;
    let keys = services.iter().map(|Located { value, at }| {
        let Service { service, port, .. } = value;
        (format!("{service}:{port}"), at)
    });
    refuse_duplicates("service", keys, problems);
    Some(services.into_iter().map(|service| service.value).collect())
}

fn service(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<Service> {
    let mut object = MappingDecoder::open(value, problems)?;
    let namespace = object.required("namespace", "namespace: infra", text(&names::NAMESPACE));
    let name = object.required("name", "name: authorizer", text(&names::OBJECT_NAME));
    let port = object.required("port", "port: 8080", integer(1, 65535));
    let cluster = object.required("cluster", "cluster: authorizer", text(&CLUSTER));
    object.finish();
    Some(Service {
        service: ObjectName {
            namespace: namespace?.value,
            name: name?.value,
        },
        port: port?.value,
        cluster: cluster?.value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("1s", 1000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("24h", Timeout::MAX),
            ("0s1ms", 1),
        ] {
            let timeout = duration(text).map(Timeout::milliseconds);
            assert_eq!(timeout, Some(milliseconds), "{text}");
        }
        for text in [
            "",
            "0",
            "0s",
            "0ms",
            "1",
            "s",
            "1d",
            "-1s",
            "1.5s",
            "1 s",
            "25h",
            "100000ms",
            "1S",
            "1s1s1s1s1s",
            "1us",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
