//! The forms of names, as the API's patterns have them.

use super::decode::StringForm;

/// A Kubernetes object's name: an RFC 1123 subdomain.
pub const OBJECT_NAME: StringForm = StringForm {
    is: "an object's name",
    min: 1,
    max: 253,
    matches: is_subdomain,
    help: SUBDOMAIN,
};

/// A namespace: an RFC 1123 label.
pub const NAMESPACE: StringForm = StringForm {
    is: "a namespace",
    min: 1,
    max: 63,
    matches: is_label,
    help: "lower-case letters, digits and `-`; a letter or digit at both ends",
};

/// SPEC: XAccessPolicy, `spec.rules[].name`.
pub const RULE_NAME: StringForm = StringForm {
    is: "a rule's name",
    min: 1,
    max: 63,
    matches: is_subdomain,
    help: SUBDOMAIN,
};

/// SPEC: Gateway API, `targetRefs[].group`; empty is the core group.
pub const GROUP: StringForm = StringForm {
    is: "an API group",
    min: 0,
    max: 253,
    matches: |text| text.is_empty() || is_subdomain(text),
    help: SUBDOMAIN,
};

/// SPEC: Gateway API, `targetRefs[].kind`.
pub const KIND: StringForm = StringForm {
    is: "a kind",
    min: 1,
    max: 63,
    matches: is_kind,
    help: "letters, digits and `-`; a letter first, a letter or digit last",
};

/// SPEC: Gateway API, `targetRefs[].name`.
pub const TARGET_NAME: StringForm = StringForm {
    is: "a target's name",
    min: 1,
    max: 253,
    matches: |_| true,
    help: "name the object that the policy is for",
};

/// SPEC: Gateway API, `backendRef.name`.
pub const BACKEND_NAME: StringForm = StringForm {
    is: "a backend's name",
    min: 1,
    max: 253,
    matches: |_| true,
    help: "name the Service",
};

/// SPEC: Gateway API, `HTTPAuthConfig.path`.
pub const PATH_BEFORE: StringForm = StringForm {
    is: "a path",
    min: 1,
    max: 1024,
    matches: has_path_characters,
    help: "letters, digits, ``-/._~!$&'()*+,;=:@`` and escapes such as `%20`; leave `path` out to \
           put nothing before the client's",
};

/// SPEC: Gateway API, `targetRefs[].sectionName`.
pub const SECTION_NAME: StringForm = StringForm {
    is: "a listener's name",
    min: 1,
    max: 253,
    matches: is_subdomain,
    help: SUBDOMAIN,
};

/// SPEC: XAccessPolicy, `spec.rules[].source.spiffe`.
pub const SPIFFE: StringForm = StringForm {
    is: "a SPIFFE ID",
    min: 1,
    max: usize::MAX,
    matches: is_spiffe,
    help: "`spiffe://<trust domain>/<path>`: a trust domain of lower-case letters, digits, `.`, \
           `_` and `-`; path segments may have upper-case letters too, and none is empty",
};

/// SPEC: Gateway API, `HTTPPathMatch.value`. What a path of each type looks like is
/// the compiler's to check.
pub const PATH: StringForm = StringForm {
    is: "a path",
    min: 0,
    max: 1024,
    matches: |_| true,
    help: "",
};

/// SPEC: Gateway API, `HTTPHeaderMatch.name`: a token of HTTP.
pub const HEADER_NAME: StringForm = StringForm {
    is: "a header's name",
    min: 1,
    max: 256,
    matches: is_token,
    help: "letters, digits and ``!#$%&'*+-.^_`|~``",
};

/// SPEC: Gateway API, `HTTPHeaderMatch.value`.
pub const HEADER_VALUE: StringForm = StringForm {
    is: "a header's value",
    min: 1,
    max: 4096,
    matches: |_| true,
    help: "write the value that the header is to have, or an expression that matches it",
};

/// SPEC: Gateway API, `Hostname`.
pub const HOST: StringForm = StringForm {
    is: "a host name",
    min: 1,
    max: 253,
    matches: |text| is_subdomain(text.strip_prefix("*.").unwrap_or(text)),
    help: "a DNS name in lower case and without port, or `*.` and a DNS name",
};

/// Any string.
pub const ANY: StringForm = StringForm {
    is: "a string",
    min: 0,
    max: usize::MAX,
    matches: |_| true,
    help: "",
};

/// SPEC: SPIFFE-ID, 2.1: the trust domain name.
pub const TRUST_DOMAIN: StringForm = StringForm {
    is: "a trust domain",
    min: 1,
    max: 255,
    matches: is_trust_domain,
    help: "lower-case letters, digits, `.`, `_` and `-`, without `spiffe://`",
};

const SUBDOMAIN: &str =
    "lower-case letters, digits, `-` and `.`; a letter or digit at both ends and around each `.`";

/// `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
pub fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Labels, joined by `.`.
pub fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// `^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`
fn is_kind(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.ends_with('-')
}

/// `^spiffe://[a-z0-9._-]+(?:/[A-Za-z0-9._-]+)*$`
fn is_spiffe(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("spiffe://") else {
        return false;
    };
    let mut parts = rest.split('/');
    let segment = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    parts.next().is_some_and(is_trust_domain) && parts.all(segment)
}

/// `^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$`
fn has_path_characters(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@%".contains(&b);
    let escape = |rest: &str| {
        let digits = rest.get(..2);
        digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    text.bytes().all(plain) && text.split('%').skip(1).all(escape)
}

/// `^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$`
fn is_token(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn is_trust_domain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spiffe_ids() {
        for good in [
            "spiffe://a",
            "spiffe://a.b/c",
            "spiffe://cluster.local/ns/a/sa/B_c-1.2",
        ] {
            assert!(is_spiffe(good), "{good}");
        }
        for bad in [
            "",
            "spiffe://",
            "spiffe:///a",
            "spiffe://A/b",
            "spiffe://a/",
            "spiffe://a//b",
            "SPIFFE://a",
            "spiffe://a/b?c",
            "spiffe://a/é",
            "spiffe://a/b\n",
        ] {
            assert!(!is_spiffe(bad), "{bad}");
        }
    }

    #[test]
    fn subdomains() {
        for good in ["a", "a-b", "a.b", "0.1", "a--b"] {
            assert!(is_subdomain(good), "{good}");
        }
        for bad in [
            "", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "A", "a_b", "é",
        ] {
            assert!(!is_subdomain(bad), "{bad}");
        }
    }
}
