//! HTTP parts of rules.

use accesspolicy::engine::policy::{HeaderMatch, HttpMatch, PathMatch, SafeInteger, ValueMatch};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::expressions::expression;
use super::words::{
    EXACT_PATHS, HEADER, HEADER_EXPRESSIONS, HEADER_VALUES, HOSTS, HTTP_METHODS, PATH_EXPRESSIONS,
    PATH_PREFIXES, PORTS,
};

/// An HTTP part with one condition at least.
pub fn http() -> BoxedStrategy<HttpMatch> {
    let conditions = || {
        (
            weighted(0.3, some(&HTTP_METHODS)),
            weighted(0.5, vec(path(), 1..=2)),
            weighted(0.3, vec(header(), 1..=2)),
            weighted(0.3, some(&HOSTS)),
            weighted(0.25, ports()),
        )
    };
    conditions()
        .prop_map(|(methods, paths, headers, hosts, ports)| {
            let http = HttpMatch {
                methods,
                paths,
                headers,
                hosts,
                ports,
            };
            if http == HttpMatch::default() {
                // Matches what most requests are, so that other parts are looked at as well.
                let methods = Some(vec!["POST".to_owned()]);
                return HttpMatch { methods, ..http };
            }
            http
        })
        .boxed()
}

fn some(words: &'static [&str]) -> impl Strategy<Value = Vec<String>> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    subsequence(words, 1..=2).prop_shuffle()
}

fn ports() -> impl Strategy<Value = Vec<SafeInteger>> {
    subsequence(PORTS.map(SafeInteger::from).to_vec(), 1..=2).prop_shuffle()
}

fn path() -> BoxedStrategy<PathMatch> {
    prop_oneof![
        select(&EXACT_PATHS[..]).prop_map(|path| PathMatch::Exact(path.to_owned())),
        select(&PATH_PREFIXES[..]).prop_map(|path| PathMatch::PathPrefix(path.to_owned())),
        select(&PATH_EXPRESSIONS[..])
            .prop_map(|text| PathMatch::RegularExpression(expression(text))),
    ]
    .boxed()
}

fn header() -> BoxedStrategy<HeaderMatch> {
    let value = prop_oneof![
        select(&HEADER_VALUES[..]).prop_map(|value| ValueMatch::Exact(value.to_owned())),
        select(&HEADER_EXPRESSIONS[..])
            .prop_map(|text| ValueMatch::RegularExpression(expression(text))),
    ];
    value
        .prop_map(|value| HeaderMatch {
            name: HEADER.to_owned(),
            value,
        })
        .boxed()
}
