//! What the parts of an identity never are.

use super::constant::How;
use crate::tool::api::names;
use crate::tool::compile::lint::callers;

const SCHEME: &str = "spiffe://";

/// How Kubernetes names service accounts.
const ACCOUNT: &str = "system:serviceaccount:";

/// SPEC: the CRD's pattern of `source.spiffe`, which all identities have here.
const fn is_of_segment(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Why no namespace or service account is named so, or has that in its name.
pub(super) fn name(text: &str) -> Option<String> {
    if let Some((_, name)) = text
        .strip_prefix(ACCOUNT)
        .and_then(|rest| rest.split_once(':'))
    {
        return Some(format!(
            "it is one name, without namespace: `identity.service_account == \"{name}\"`"
        ));
    }
    if text.contains('/') {
        return Some(
            "it is one name without `/`: ask `identity.namespace` and `identity.service_account` \
             one by one"
                .into(),
        );
    }
    (!text.chars().all(is_of_segment))
        .then(|| "names are of letters, digits, `.`, `_` and `-`".into())
}

/// Why no trust domain is it, or has that in its name.
pub(super) fn trust_domain(text: &str) -> Option<String> {
    if text.contains('/') {
        return Some("it is the domain alone, without `spiffe://` and path".into());
    }
    let is_of_domain = |c: char| is_of_segment(c) && !c.is_ascii_uppercase();
    (!text.chars().all(is_of_domain))
        .then(|| "trust domains are of lower-case letters, digits, `.`, `_` and `-`".into())
}

/// Why no SPIFFE ID is it, or has that in it.
pub(super) fn spiffe_id(how: How, text: &str) -> Option<String> {
    let has_no_scheme = match how {
        How::Is => !text.starts_with(SCHEME),
        How::Begins => !text.starts_with(SCHEME) && !SCHEME.starts_with(text),
        How::Ends | How::Contains => false,
    };
    if has_no_scheme {
        return Some("the whole ID begins with `spiffe://` and a trust domain".into());
    }
    let is_of_id = |c: char| is_of_segment(c) || matches!(c, '/' | ':');
    let is_none = match how {
        How::Is => !(names::SPIFFE.matches)(text),
        How::Begins | How::Ends | How::Contains => !text.chars().all(is_of_id),
    };
    if is_none {
        return Some(
            "after `spiffe://` stand a trust domain in lower case and segments of letters, digits, \
             `.`, `_` and `-`"
                .into(),
        );
    }
    callers::no_id(text)
        .filter(|_| how == How::Is)
        .map(Into::into)
}
