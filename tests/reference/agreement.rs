//! Both evaluators agree, on whatever is asked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use super::engine;
use super::evaluate::evaluate;
use super::generate::{Case, cases, configuration};
use super::outcome::Outcome;

/// How many requests each policy judges.
const REQUESTS: usize = 32;

/// How many policies, unless more are asked for.
const POLICIES: u32 = 600;

/// The kinds of outcome, each with the least share that must be seen, in a thousand.
const LEAST: [(&str, f64); 15] = [
    ("refused", 20.0),
    ("denied by headers", 20.0),
    ("allow: unprotected", 10.0),
    ("allow: no Allow policy", 30.0),
    ("allow: Gateway", 30.0),
    ("allow: Backend", 10.0),
    ("allow: both levels", 1.0),
    ("deny: unprotected", 10.0),
    ("deny: no port", 5.0),
    ("deny: no cluster", 5.0),
    ("deny: unlisted", 5.0),
    ("deny: refused at the Gateway", 20.0),
    ("deny: refused at the Backend", 5.0),
    ("deny: not allowed at the Gateway", 50.0),
    ("deny: not allowed at the Backend", 30.0),
];

#[test]
fn both_evaluators_agree() {
    let configuration = configuration(POLICIES);
    let policies = u64::from(configuration.cases);
    let counts = RefCell::new(BTreeMap::<String, u64>::new());
    let start = Instant::now();
    run(configuration, &counts);
    let counts = counts.into_inner();
    let pairs = policies * REQUESTS as u64;
    println!(
        "{pairs} requests of {policies} policies in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let share =
        |kind: &str| counts.get(kind).copied().unwrap_or_default() as f64 * 1000.0 / pairs as f64;
    for kind in counts.keys() {
        println!("{:6.1} ‰ {kind}", share(kind));
    }
    for (kind, least) in LEAST {
        assert!(share(kind) >= least, "{kind}: {:.1} ‰", share(kind));
    }
    assert!(share("audited") > 100.0);
    assert!(share("audit differs") > 10.0);
}

/// Judges cases and counts their outcomes.
fn run(configuration: Config, counts: &RefCell<BTreeMap<String, u64>>) {
    let mut runner = TestRunner::new(configuration);
    let result = runner.run(&cases(REQUESTS), |case| {
        disagreement(&case, |outcome| {
            for kind in kinds(outcome) {
                *counts.borrow_mut().entry(kind).or_default() += 1;
            }
        })
        .map_or(Ok(()), |told| Err(TestCaseError::fail(told)))
    });
    if let Err(TestError::Fail(told, _)) = result {
        panic!("{told}");
    }
    result.expect("a run to its end");
}

/// What the evaluators make of the first request on which they do not agree.
fn disagreement(case: &Case, mut seen: impl FnMut(&Outcome)) -> Option<String> {
    let policies = case.policies();
    case.requests.iter().find_map(|request| {
        let expected = evaluate(&case.document, request);
        let found = engine::judge(&policies, request);
        seen(&expected);
        let shown = || {
            format!(
                "\nreference: {expected:?}\nengine:    {found:?}\n\
                 ACCESSPOLICY_REPLAY='{}'\n",
                case.shown(request)
            )
        };
        (found != expected).then(shown)
    })
}

fn kinds(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Refused => vec!["refused".to_owned()],
        Outcome::DeniedByHeaders(_) => vec!["denied by headers".to_owned()],
        Outcome::Judged { verdict, audit } => {
            let mut kinds = vec![verdict.kind().to_owned()];
            if let Some(audit) = audit {
                kinds.push("audited".to_owned());
                if audit.is_allowed() != verdict.is_allowed() {
                    kinds.push("audit differs".to_owned());
                }
            }
            kinds
        }
    }
}

/// One case again: what a failure printed, in the variable that it names.
#[test]
fn replay() {
    let Ok(shown) = std::env::var("ACCESSPOLICY_REPLAY") else {
        return;
    };
    let told = disagreement(&Case::read(&shown), |outcome| println!("{outcome:?}"));
    assert!(told.is_none(), "{}", told.unwrap_or_default());
}
