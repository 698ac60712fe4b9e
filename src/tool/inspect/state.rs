//! Filter state that says where requests and connections go.

use serde_json::Value;

use super::clusters::Leading;
use super::typed::{below, member};

/// The cluster of `tcp_proxy`.
const CLUSTER: &str = "envoy.tcp_proxy.cluster";

/// The address of clusters whose type is `ORIGINAL_DST`.
const ADDRESS: &str = "envoy.network.transport_socket.original_dst_address";

/// What is set under a key, anywhere in something: the text, where it is one that is fixed.
fn set<'v>(part: &'v Value, key: &'static str) -> impl Iterator<Item = Option<&'v str>> {
    let all = below(part).into_iter().map(|(_, inner)| inner);
    let all = all.chain([part]);
    let is_key = move |value: &&Value| {
        let own = member(value, "object_key");
        own.and_then(Value::as_str) == Some(key)
    };
    all.filter(is_key).map(|value| {
        let format = member(value, "format_string")?;
        let source = member(format, "text_format_source");
        let text = source.and_then(|source| member(source, "inline_string"));
        let text = text.or(member(format, "text_format"));
        let text = text.and_then(Value::as_str);
        text.filter(|text| !text.contains('%'))
    })
}

/// Whether it sets an address that it may have from the client.
pub(super) fn tells_address(part: &Value) -> bool {
    set(part, ADDRESS).any(|text| text.is_none())
}

/// Whether connections are led to a backend by what it sets.
pub(super) fn leads(part: &Value, leading: &Leading<'_>) -> Option<String> {
    let wrong = set(part, CLUSTER).find(|text| text.is_none_or(|text| leading.has(text)));
    wrong.filter(|_| !leading.is_empty()).map(|text| {
        let to = match text {
            Some(text) => format!("`{text}`"),
            None => "whatever cluster clients name".to_owned(),
        };
        format!("by the filter state `{CLUSTER}` connections are led to {to}: nobody judges them")
    })
}
