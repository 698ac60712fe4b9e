//! The compiler as a library: what compiled policies do not depend on.

#![cfg(not(target_arch = "wasm32"))]

use accesspolicy::tool::compile::{Compiled, Report, Severity, Source, compile, validate};

const POINT: &str = "\
apiVersion: accesspolicy/v1
kind: EnforcementPoint
gateway: {namespace: infra, name: prod}
allowPolicies: All
trustDomain: cluster.local
";

fn policy(name: &str, rules: &str) -> String {
    format!(
        "apiVersion: agentic.networking.x-k8s.io/v1alpha1
kind: XAccessPolicy
metadata: {{namespace: infra, name: {name}}}
spec:
  action: Allow
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: prod}}]
  rules: {rules}
"
    )
}

const READER: &str =
    "[{name: a, source: {type: SPIFFE, spiffe: spiffe://cluster.local/ns/infra/sa/a}}]";
const SAME_READER: &str = "
    - source: # by another name
        serviceAccount: {name: \"a\"}
        type: ServiceAccount
      name: a";

fn compiled(sources: &[(&str, String)]) -> Result<Compiled, Report> {
    let sources = sources.iter();
    let sources = sources.map(|(name, text)| Source::new(*name, text.as_bytes()));
    compile(sources.collect(), Source::new("point.yaml", POINT))
}

#[test]
fn neither_the_layout_nor_the_order_of_files_changes_the_result() {
    let (a, b) = (policy("a", READER), policy("b", READER));
    let one = compiled(&[("one.yaml", format!("{a}---\n{b}"))]).unwrap();
    let two = compiled(&[("b.yaml", b), ("a.yaml", policy("a", SAME_READER))]).unwrap();
    assert_eq!(one.policy, two.policy);
}

#[test]
fn what_changes_the_meaning_changes_the_digest() {
    let digest = |name: &str, rules: &str| {
        compiled(&[("x", policy(name, rules))])
            .unwrap()
            .policy
            .digest
    };
    let reader = digest("a", READER);
    assert_ne!(reader, digest("b", READER));
    assert_ne!(reader, digest("a", &READER.replace("sa/a", "sa/b")));
    assert_eq!(reader, digest("a", SAME_READER));
}

#[test]
fn a_problem_knows_its_place() {
    let report = compiled(&[("a.yaml", policy("a", "[{name: é, sorce: 1}]"))]).unwrap_err();
    let [first, second] = &report.diagnostics[..] else {
        panic!("{report}")
    };
    assert_eq!(first.severity, Severity::Error);
    assert_eq!(first.policy.as_deref(), Some("infra/a"));
    assert_eq!(first.at.field, "spec.rules[0].name");
    assert_eq!(report.position(first.at.span), ("a.yaml", 7, 18));
    assert_eq!(second.at.field, "spec.rules[0].sorce");
    assert_eq!(report.position(second.at.span), ("a.yaml", 7, 21));
}

#[test]
fn problems_of_policies_and_of_the_enforcement_point_come_in_one_run() {
    let sources = vec![Source::new("a.yaml", policy("A", READER))];
    let point = Source::new("point.yaml", POINT.replace("infra", "In_fra"));
    let report = compile(sources, point).unwrap_err();
    assert_eq!(report.count(Severity::Error), 2, "{report}");
}

#[test]
fn what_only_an_enforcement_point_knows_is_not_asked_of_validate() {
    let elsewhere = policy("a", SAME_READER).replace("name: prod", "name: elsewhere");
    let validated = validate(vec![Source::new("a.yaml", elsewhere)]).unwrap();
    assert_eq!(validated.policies, 1);
    assert!(
        validated.report.diagnostics.is_empty(),
        "{}",
        validated.report
    );
}

#[test]
fn a_rule_for_the_base_protocol_alone_is_no_warning_where_another_rule_allows_more() {
    let session = "{name: s, authorization: {type: Inline, mcp: {mcpBaseProtocolMethodsOption: \
                   MATCH_BASE_PROTOCOL_METHODS}}}";
    let tools = "{name: t, source: {type: SPIFFE, spiffe: spiffe://a/b}, authorization: {type: \
                 Inline, mcp: {methods: [{name: tools}]}}}";
    let warnings = |policies: &[String]| {
        let policies = policies
            .iter()
            .map(|text| Source::new("a.yaml", text.as_bytes()));
        let report = validate(policies.collect()).unwrap().report;
        report.count(Severity::Warning)
    };
    let (one, other) = (format!("[{session}]"), format!("[{tools}]"));
    assert_eq!(warnings(&[policy("a", &one)]), 1);
    assert_eq!(
        warnings(&[policy("a", &format!("[{session}, {tools}]"))]),
        0
    );
    // Only an enforcement point says whether two policies add up.
    assert_eq!(warnings(&[policy("a", &one), policy("b", &other)]), 0);
}
