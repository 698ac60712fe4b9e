//! Every order in which the events of a request and the answers of authorizers can come.
//!
//! What a host does is told apart from what it never does: the first is enumerated, and
//! each order has one outcome, which a model far simpler than the stream knows. The second
//! is drawn at random, and must not get round an authorizer.

use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::engine::external_auth::grpc::check_response;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Headers { ended: bool },
    Body { from: usize, to: usize, ended: bool },
    Trailers,
    Unreadable,
    TooLarge,
    Unobliged,
    Answer(Says),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Allow,
    Refuse,
    /// Nobody can be reached.
    Nothing,
    /// There is one of the other protocol, which never opens.
    Nonsense,
}

use Says::{Allow, Nonsense, Nothing, Refuse};

/// One way to set a gateway up.
#[derive(Debug, Clone, Copy)]
struct Setup {
    path: &'static str,
    max_body: Option<u32>,
    is_stream: bool,
    is_grpc: bool,
    is_open: bool,
}

impl Setup {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (path, max_body) in [("/mcp", Some(90)), ("/other", None), ("/other", Some(90))] {
            for flags in 0..8 {
                all.push(Self {
                    path,
                    max_body,
                    is_stream: flags & 1 > 0,
                    is_grpc: flags & 2 > 0,
                    is_open: flags & 4 > 0,
                });
            }
        }
        all
    }

    fn policies(self) -> Policies {
        let settings = json!({
            "requestHeaders": if self.is_stream { "Stream" } else { "Hold" },
            "externalAuth": {
                "timeout": 5, "oversize": "Reject",
                "onError": if self.is_open { "Allow" } else { "Deny" },
            },
        });
        let mut document = document(&settings, self.max_body);
        if self.is_grpc {
            for policy in document["policies"].as_array_mut().unwrap() {
                policy["externalAuth"]["protocol"] = json!({"Grpc": {}});
            }
        }
        of(&document)
    }

    /// How many authorizers are to be asked about a whole request; `None` when it is
    /// malformed, or cannot be shown to the first.
    fn questions(self, life: &[Input]) -> Option<usize> {
        let has_body = life.iter().any(|input| matches!(input, Input::Body { .. }));
        let ends_with_headers = life.first() == Some(&Input::Headers { ended: true });
        match (self.path, has_body) {
            ("/mcp", false) => None,
            ("/mcp", true) => Some(2),
            // No body is awaited where headers would go on meanwhile.
            _ if self.is_stream && self.max_body.is_some() && !ends_with_headers => None,
            _ => Some(1),
        }
    }

    fn lets_go_on(self, says: Says) -> bool {
        says == Allow || self.is_open && says == Nothing
    }

    fn apply<'p>(self, stream: &mut Stream, policies: &'p Policies, input: Input) -> Step<'p> {
        match input {
            Input::Headers { ended } => stream.headers(policies, facts("POST", self.path), ended),
            Input::Body { from, to, ended } => stream.body(policies, &ECHO[from..to], ended),
            Input::Trailers => stream.trailers(policies),
            Input::Unreadable => stream.unreadable(),
            Input::TooLarge => stream.body_too_large(policies),
            Input::Unobliged => stream.obligations_failed(),
            Input::Answer(says) => self.answer(stream, policies, says),
        }
    }

    fn answer<'p>(self, stream: &mut Stream, policies: &'p Policies, says: Says) -> Step<'p> {
        let status = if says == Allow { 200 } else { 403 };
        match (says, self.is_grpc) {
            (Nothing, _) => stream.answer(
                policies,
                &CalloutResponse::Failed(CalloutError::Unavailable),
            ),
            (Allow | Refuse, true) | (Nonsense, false) => {
                let message = check_response(status, &[], "");
                stream.answer(policies, &CalloutResponse::Message(&message))
            }
            (Allow | Refuse, false) | (Nonsense, true) => {
                let status = status.to_string();
                answered(stream, policies, &[(":status", &status)])
            }
        }
    }
}

/// What is known from outside of a stream that a host gives its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    /// So many authorizers have let it go on; whether another is asked.
    Waits {
        allowed: usize,
        asked: bool,
    },
    Passed,
    Refused,
}

impl Model {
    /// What it is after a step; `None` when that is a wrong one.
    fn after(
        self,
        setup: Setup,
        questions: Option<usize>,
        input: Input,
        step: &Step<'_>,
    ) -> Option<Self> {
        let next = match (self, input, step) {
            // The answer that is waited for.
            (
                Self::Waits {
                    allowed,
                    asked: true,
                },
                Input::Answer(says),
                step,
            ) => {
                let allowed = allowed + 1;
                match (setup.lets_go_on(says), step) {
                    (false, Step::Block(_)) => Self::Refused,
                    (true, Step::Ask(_)) if Some(allowed) < questions => Self::Waits {
                        allowed,
                        asked: true,
                    },
                    (true, Step::Continue(Permitted::Now(..))) if Some(allowed) == questions => {
                        Self::Passed
                    }
                    _ => return None,
                }
            }
            // Any other changes nothing.
            (_, Input::Answer(_), Step::Wait) => self,
            (_, Input::Answer(_), _) => return None,
            (Self::Waits { asked: false, .. }, _, Step::Ask(_)) if questions.is_some() => {
                Self::Waits {
                    allowed: 0,
                    asked: true,
                }
            }
            (Self::Waits { asked: false, .. }, _, Step::Block(_)) if questions.is_none() => {
                Self::Refused
            }
            (Self::Waits { .. }, Input::Headers { .. }, Step::PassHeaders) if setup.is_stream => {
                self
            }
            (Self::Passed, _, Step::Continue(Permitted::Before))
            | (Self::Waits { .. } | Self::Refused, _, Step::Wait) => self,
            _ => return None,
        };
        Some(next)
    }
}

/// What a request can consist of.
fn lives() -> Vec<Vec<Input>> {
    let headers = Input::Headers { ended: false };
    let body = |from, to, ended| Input::Body { from, to, ended };
    let (half, end) = (ECHO.len() / 2, ECHO.len());
    vec![
        vec![Input::Headers { ended: true }],
        vec![headers, Input::Trailers],
        vec![headers, body(0, end, true)],
        vec![headers, body(0, half, false), body(half, end, true)],
        vec![headers, body(0, end, false), body(end, end, true)],
        vec![
            headers,
            body(0, half, false),
            body(half, end, false),
            Input::Trailers,
        ],
    ]
}

/// Every way to put `answers` answers among the events of a life.
fn merged(life: &[Input], answers: usize) -> Vec<Vec<Input>> {
    let mut all = Vec::new();
    if let Some((first, rest)) = life.split_first() {
        for tail in merged(rest, answers) {
            all.push([vec![*first], tail].concat());
        }
    }
    if answers > 0 {
        for says in [Allow, Refuse, Nothing] {
            for tail in merged(life, answers - 1) {
                all.push([vec![Input::Answer(says)], tail].concat());
            }
        }
    }
    if life.is_empty() && answers == 0 {
        all.push(Vec::new());
    }
    all
}

/// Answers come before they are asked for, between pieces, after the end, and twice. Each
/// order ends in a verdict, the right one, and nothing of the request is kept then.
#[test]
fn every_order_that_hosts_give() {
    let (mut passed, mut refused) = (0, 0);
    for setup in Setup::all() {
        let policies = setup.policies();
        for life in lives() {
            let questions = setup.questions(&life);
            // One more than authorizers that are asked.
            for order in merged(&life, questions.unwrap_or(0) + 1) {
                match ends(setup, &policies, questions, &order) {
                    Model::Passed => passed += 1,
                    Model::Refused => refused += 1,
                    Model::Waits { .. } => panic!("no verdict: {setup:?} {order:?}"),
                }
            }
        }
    }
    assert!(passed > 1000 && refused > 1000, "{passed} {refused}");
}

/// Where an order leads, with the answers that are still missing.
fn ends(setup: Setup, policies: &Policies, questions: Option<usize>, order: &[Input]) -> Model {
    let envelopes = Rc::new(ReaderPool::default());
    let mut stream = Stream::new(Rc::clone(&envelopes));
    let mut model = Model::Waits {
        allowed: 0,
        asked: false,
    };
    let missing = [Input::Answer(Allow); 2];
    for input in order.iter().chain(&missing) {
        let step = setup.apply(&mut stream, policies, *input);
        model = model
            .after(setup, questions, *input, &step)
            .unwrap_or_else(|| panic!("{model:?} {input:?} {step:?}: {setup:?} {order:?}"));
        if !matches!(model, Model::Waits { .. }) {
            assert_eq!(envelopes.held(), 0, "{setup:?} {order:?}");
        }
    }
    model
}

/// A client may go away after any event, and leaves nothing behind.
#[test]
fn a_client_that_goes_away() {
    for setup in Setup::all() {
        let policies = setup.policies();
        let mut most = 0;
        for order in lives().iter().flat_map(|life| merged(life, 1)) {
            for events in 0..order.len() {
                let envelopes = Rc::new(ReaderPool::default());
                let mut stream = Stream::new(Rc::clone(&envelopes));
                for input in &order[..events] {
                    setup.apply(&mut stream, &policies, *input);
                }
                most = most.max(envelopes.held());
                drop(stream);
                assert_eq!(envelopes.held(), 0, "{setup:?} {order:?}");
            }
        }
        assert!(most > 0, "{setup:?}");
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    let end = ECHO.len();
    let body = (0..=end, 0..=end, any::<bool>()).prop_map(|(from, to, ended)| Input::Body {
        from: from.min(to),
        to: from.max(to),
        ended,
    });
    let whole = any::<bool>().prop_map(move |ended| Input::Body {
        from: 0,
        to: end,
        ended,
    });
    let says = prop_oneof![
        6 => Just(Allow),
        1 => Just(Refuse),
        1 => Just(Nothing),
        1 => Just(Nonsense),
    ];
    prop_oneof![
        2 => any::<bool>().prop_map(|ended| Input::Headers { ended }),
        1 => body,
        3 => whole,
        1 => Just(Input::Trailers),
        1 => Just(Input::Unreadable),
        1 => Just(Input::TooLarge),
        1 => Just(Input::Unobliged),
        6 => says.prop_map(Input::Answer),
    ]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(3000) })]

    /// Whatever comes, nothing goes on that an authorizer did not allow, and after a refusal
    /// nothing at all.
    #[test]
    fn no_order_that_hosts_never_give(which in 0..24_usize, inputs in vec(any_input(), 0..16)) {
        let setup = Setup::all()[which];
        let policies = setup.policies();
        let mut stream = Stream::default();
        let (mut asked, mut allowed, mut passed, mut refused) = (0, 0, false, false);
        for input in inputs {
            let was_open = asked > allowed && !refused;
            let step = setup.apply(&mut stream, &policies, input);
            match (input, &step) {
                (Input::Answer(says), Step::Ask(_) | Step::Continue(_) | Step::Block(_)) => {
                    prop_assert!(was_open);
                    prop_assert_eq!(setup.lets_go_on(says), !matches!(step, Step::Block(_)));
                    allowed += usize::from(setup.lets_go_on(says));
                }
                (Input::Answer(_), _) => prop_assert!(!was_open),
                _ => {}
            }
            match step {
                Step::Ask(_) => {
                    prop_assert!(!passed && !refused);
                    asked += 1;
                }
                Step::Continue(Permitted::Now(..)) => {
                    prop_assert!(!passed && !refused && asked > 0 && asked == allowed);
                    passed = true;
                }
                Step::Continue(Permitted::Before) => prop_assert!(passed && !refused),
                Step::Block(_) => refused = true,
                Step::PassHeaders => prop_assert!(setup.is_stream && !refused),
                Step::Wait => {}
            }
        }
    }
}
