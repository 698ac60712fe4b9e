//! Whether a rule matches everything that another rule matches.
//!
//! INVARIANT: sound, not complete: "yes" is always right.

use crate::engine::policy::{
    BaseProtocol, Category, HttpMatch, Mcp, MethodMatch, MethodName, PathMatch,
};
use crate::tool::compile::check::CheckedRule;

/// Whether `wide` matches every request that `narrow` matches.
pub(in crate::tool::compile) fn covers(wide: &CheckedRule, narrow: &CheckedRule) -> bool {
    let by_source = match (&wide.source, &narrow.source) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => wide.value == narrow.value,
    };
    let by_mcp = match (&wide.mcp, &narrow.mcp) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => mcp_covers(&wide.value, &narrow.value),
    };
    let by_http = match (&wide.http, &narrow.http) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => http_covers(wide, narrow),
    };
    // Of two expressions nobody can say which is true more often.
    let by_cel = match (&wide.cel, &narrow.cel) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => wide.value == narrow.value,
    };
    by_source && by_mcp && by_http && by_cel && !restricts_elsewhere(wide, narrow)
}

/// Whether `narrow` has a list of what may be completed that holds also where the HTTP
/// part or the expression of `wide` does not, so that without it more could be completed.
fn restricts_elsewhere(wide: &CheckedRule, narrow: &CheckedRule) -> bool {
    let lists = |rule: &CheckedRule, name: MethodName| {
        let methods = rule.mcp.as_ref().and_then(|mcp| mcp.value.methods.as_ref());
        let mut methods = methods.into_iter().flatten();
        methods.any(|method| method.name == name && method.params.is_some())
    };
    (wide.http.is_some() || wide.cel.is_some())
        && [MethodName::PromptsGet, MethodName::ResourcesRead]
            .iter()
            .any(|name| lists(narrow, *name) && !lists(wide, *name))
}

fn http_covers(wide: &HttpMatch, narrow: &HttpMatch) -> bool {
    let HttpMatch {
        methods,
        paths,
        headers,
        hosts,
        ports,
    } = wide;
    // All headers must match, so the rule with fewer of them is the wide one.
    let by_headers = headers
        .iter()
        .flatten()
        .all(|header| narrow.headers.iter().flatten().any(|other| other == header));
    by_headers
        && list_covers(methods.as_ref(), narrow.methods.as_ref(), |a, b| a == b)
        && list_covers(paths.as_ref(), narrow.paths.as_ref(), path_covers)
        && list_covers(hosts.as_ref(), narrow.hosts.as_ref(), |a, b| {
            host_covers(a, b)
        })
        && list_covers(ports.as_ref(), narrow.ports.as_ref(), |a, b| a == b)
}

/// Of a list any item must match, and of one that is left out none.
fn list_covers<T>(
    wide: Option<&Vec<T>>,
    narrow: Option<&Vec<T>>,
    covers: impl Fn(&T, &T) -> bool,
) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow
            .iter()
            .all(|narrow| wide.iter().any(|wide| covers(wide, narrow))),
    }
}

fn path_covers(wide: &PathMatch, narrow: &PathMatch) -> bool {
    match (wide, narrow) {
        (PathMatch::PathPrefix(wide), _) if wide.is_empty() => true,
        (PathMatch::PathPrefix(wide), PathMatch::Exact(narrow) | PathMatch::PathPrefix(narrow)) => {
            let below = narrow.strip_prefix(wide.as_str());
            // What servers read as several paths matches by its exact spelling only.
            !narrow.contains([';', '%', '\\'])
                && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        _ => wide == narrow,
    }
}

fn host_covers(wide: &str, narrow: &str) -> bool {
    // `*.b.c` is below `c`, as `a.b.c` is.
    let suffix = wide.strip_prefix('*');
    wide == narrow || suffix.is_some_and(|suffix| narrow.ends_with(suffix))
}

fn mcp_covers(wide: &Mcp, narrow: &Mcp) -> bool {
    if narrow.base_protocol > wide.base_protocol {
        // The base protocol has requests that are no MCP messages: GET and DELETE.
        return false;
    }
    match (&wide.methods, &narrow.methods) {
        (None, _) if wide.base_protocol == BaseProtocol::None => true,
        (_, None) => narrow.base_protocol != BaseProtocol::None,
        (None, Some(_)) => false,
        (Some(wide), Some(narrow)) => narrow
            .iter()
            .all(|narrow| wide.iter().any(|wide| method_covers(wide, narrow))),
    }
}

fn method_covers(wide: &MethodMatch, narrow: &MethodMatch) -> bool {
    if wide.name != narrow.name {
        return wide
            .name
            .category()
            .is_some_and(|category| contains(category, narrow.name));
    }
    match (&wide.params, &narrow.params) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|param| wide.contains(param)),
    }
}

fn contains(category: Category, name: MethodName) -> bool {
    let prefix = match category {
        Category::Tools => "tools/",
        Category::Prompts => "prompts/",
        Category::Resources => "resources/",
    };
    name.as_str().starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::policy::{HeaderMatch, ValueMatch};

    type ListedMethod<'a> = (MethodName, Option<&'a [&'a str]>);

    fn mcp(methods: Option<&[ListedMethod<'_>]>, base_protocol: BaseProtocol) -> Mcp {
        let method = |(name, params): &ListedMethod<'_>| MethodMatch {
            name: *name,
            params: params.map(|params| params.iter().map(|p| (*p).to_owned()).collect()),
        };
        Mcp {
            methods: methods.map(|methods| methods.iter().map(method).collect()),
            base_protocol,
        }
    }

    #[test]
    fn a_category_covers_its_methods_and_a_longer_list_a_shorter_one() {
        let all = mcp(Some(&[(MethodName::Tools, None)]), BaseProtocol::None);
        let two = mcp(
            Some(&[(MethodName::ToolsCall, Some(&["a", "b"]))]),
            BaseProtocol::None,
        );
        let one = mcp(
            Some(&[(MethodName::ToolsCall, Some(&["a"]))]),
            BaseProtocol::None,
        );
        assert!(mcp_covers(&all, &two) && mcp_covers(&two, &one) && mcp_covers(&all, &one));
        assert!(!mcp_covers(&one, &two) && !mcp_covers(&two, &all));
    }

    #[test]
    fn paths_and_hosts_cover_what_is_below_them() {
        let prefix = |path: &str| PathMatch::PathPrefix(path.to_owned());
        let exact = |path: &str| PathMatch::Exact(path.to_owned());
        for (wide, narrow) in [
            (prefix(""), exact("/a")),
            (prefix("/a"), prefix("/a")),
            (prefix("/a"), prefix("/a/b")),
            (prefix("/a"), exact("/a/")),
            (exact("/a"), exact("/a")),
        ] {
            assert!(path_covers(&wide, &narrow), "{wide:?} {narrow:?}");
        }
        for (wide, narrow) in [
            (prefix("/a"), prefix("")),
            (prefix("/a"), exact("/ab")),
            (exact("/a"), prefix("/a")),
            (exact("/a"), exact("/a/")),
        ] {
            assert!(!path_covers(&wide, &narrow), "{wide:?} {narrow:?}");
        }
        for (wide, narrow) in [("*.c", "a.c"), ("*.c", "*.b.c"), ("*.c", "*.c"), ("a", "a")] {
            assert!(host_covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [("*.c", "c"), ("*.b.c", "*.c"), ("c", "*.c"), ("*.c", "bc")] {
            assert!(!host_covers(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn a_list_covers_a_shorter_one_and_headers_a_longer_one() {
        let methods = |names: &[&str]| HttpMatch {
            methods: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            ..HttpMatch::default()
        };
        assert!(http_covers(&methods(&["GET", "POST"]), &methods(&["POST"])));
        assert!(!http_covers(
            &methods(&["POST"]),
            &methods(&["GET", "POST"])
        ));
        assert!(http_covers(&HttpMatch::default(), &methods(&["GET"])));
        assert!(!http_covers(&methods(&["GET"]), &HttpMatch::default()));
        let headers = |names: &[&str]| HttpMatch {
            headers: Some(
                names
                    .iter()
                    .map(|name| HeaderMatch {
                        name: (*name).to_owned(),
                        value: ValueMatch::Exact("x".to_owned()),
                    })
                    .collect(),
            ),
            ..HttpMatch::default()
        };
        assert!(http_covers(&headers(&["a"]), &headers(&["a", "b"])));
        assert!(!http_covers(&headers(&["a", "b"]), &headers(&["a"])));
    }

    #[test]
    fn omitted_methods_mean_two_things() {
        let every_message = mcp(None, BaseProtocol::None);
        let base_only = mcp(None, BaseProtocol::Full);
        let tools_and_base = mcp(Some(&[(MethodName::Tools, None)]), BaseProtocol::Full);
        assert!(mcp_covers(&tools_and_base, &base_only));
        assert!(!mcp_covers(&base_only, &tools_and_base));
        assert!(!mcp_covers(&every_message, &base_only));
        assert!(!mcp_covers(&base_only, &every_message));
        assert!(!mcp_covers(&tools_and_base, &every_message));
    }

    #[test]
    fn more_of_the_base_protocol_covers_less() {
        let full = mcp(None, BaseProtocol::Full);
        let session = mcp(None, BaseProtocol::Session);
        let echo: ListedMethod<'_> = (MethodName::ToolsCall, Some(&["echo"]));
        let session_and_echo = mcp(Some(&[echo]), BaseProtocol::Session);
        let full_and_echo = mcp(Some(&[echo]), BaseProtocol::Full);
        for (wide, narrow) in [
            (&full, &session),
            (&session_and_echo, &session),
            (&full_and_echo, &session_and_echo),
        ] {
            assert!(mcp_covers(wide, narrow) && !mcp_covers(narrow, wide));
        }
        assert!(!mcp_covers(&full, &session_and_echo));
    }
}
