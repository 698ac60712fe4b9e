//! Reading what has a type, at whatever depth.

use serde_json::Value;

/// The list at a path; none where there is none.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    let found = value.pointer(path).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// The text at a path.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    let found = value.pointer(path).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// The name of a type, of its URL.
pub(super) fn named(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

/// Whether something is no more than a form of something else, which has the type that it names.
pub(super) fn is_struct(value: &Value) -> bool {
    let own = named(text(value, "/@type"));
    ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"].contains(&own)
}

/// The whole name of something's type.
pub(super) fn kind(value: &Value) -> &str {
    let path = if is_struct(value) {
        "/type_url"
    } else {
        "/@type"
    };
    named(text(value, path))
}

/// Whether something is of a type, by its whole name: others end alike.
pub(super) fn is_type(value: &Value, name: &str) -> bool {
    kind(value) == name
}

/// Whether a key is a member's, which a `TypedStruct` may spell in either of two ways.
pub(super) fn is_called(key: &str, name: &str) -> bool {
    let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
    key == name || plain(key) == plain(name)
}

/// The member with a name.
pub(super) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let mut members = value.as_object().into_iter().flatten();
    members
        .find(|(key, _)| is_called(key, name))
        .map(|(_, member)| member)
}

/// Whether a switch is on, or may be.
pub(super) fn is_on(switch: &Value) -> bool {
    !matches!(switch, Value::Null | Value::Bool(false))
}

/// Everything that is in something, with its key, which the items of a list have from the list.
pub(super) fn below(value: &Value) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    let mut open = vec![("", value)];
    while let Some((key, value)) = open.pop() {
        let from = open.len();
        match value {
            Value::Object(members) => {
                open.extend(members.iter().map(|(key, member)| (key.as_str(), member)));
            }
            Value::Array(items) => open.extend(items.iter().map(|item| (key, item))),
            _ => {}
        }
        found.extend(open.iter().skip(from).copied());
    }
    found
}

/// The members with a name, at whatever depth.
pub(super) fn all_called<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    let all = below(value).into_iter();
    all.filter(move |(key, _)| is_called(key, name))
        .map(|(_, member)| member)
}

/// The names of all types in something, its own among them.
pub(super) fn kinds(value: &Value) -> impl Iterator<Item = &str> {
    let all = below(value).into_iter();
    let types = all.filter(|(key, _)| *key == "@type" || is_called(key, "type_url"));
    types.filter_map(|(_, url)| url.as_str()).map(named)
}
