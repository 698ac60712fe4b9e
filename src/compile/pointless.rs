//! Whether a rule matches everything that another rule matches.
//!
//! INVARIANT: sound, not complete: "yes" is always right.

use super::check::CheckedRule;
use crate::policy::{Category, Mcp, Method, MethodName};

/// Whether `wide` matches every request that `narrow` matches.
pub(super) fn covers(wide: &CheckedRule, narrow: &CheckedRule) -> bool {
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
    by_source && by_mcp
}

fn mcp_covers(wide: &Mcp, narrow: &Mcp) -> bool {
    if narrow.base_protocol && !wide.base_protocol {
        // The base protocol has requests that are no MCP messages: GET and DELETE.
        return false;
    }
    match (&wide.methods, &narrow.methods) {
        (None, _) if !wide.base_protocol => true,
        (None, None) => narrow.base_protocol,
        (None, Some(_)) => false,
        (Some(_), None) => narrow.base_protocol,
        (Some(wide), Some(narrow)) => narrow
            .iter()
            .all(|narrow| wide.iter().any(|wide| method_covers(wide, narrow))),
    }
}

fn method_covers(wide: &Method, narrow: &Method) -> bool {
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

    type Written<'a> = (MethodName, Option<&'a [&'a str]>);

    fn mcp(methods: Option<&[Written<'_>]>, base_protocol: bool) -> Mcp {
        let method = |(name, params): &Written<'_>| Method {
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
        let all = mcp(Some(&[(MethodName::Tools, None)]), false);
        let two = mcp(Some(&[(MethodName::ToolsCall, Some(&["a", "b"]))]), false);
        let one = mcp(Some(&[(MethodName::ToolsCall, Some(&["a"]))]), false);
        assert!(mcp_covers(&all, &two) && mcp_covers(&two, &one) && mcp_covers(&all, &one));
        assert!(!mcp_covers(&one, &two) && !mcp_covers(&two, &all));
    }

    #[test]
    fn omitted_methods_mean_two_things() {
        let every_message = mcp(None, false);
        let base_only = mcp(None, true);
        let tools_and_base = mcp(Some(&[(MethodName::Tools, None)]), true);
        assert!(mcp_covers(&tools_and_base, &base_only));
        assert!(!mcp_covers(&base_only, &tools_and_base));
        assert!(!mcp_covers(&every_message, &base_only));
        assert!(!mcp_covers(&base_only, &every_message));
        assert!(!mcp_covers(&tools_and_base, &every_message));
    }
}
