//! `accesspolicy explain`

mod arguments;
mod asked;
mod caller;
mod json;
mod page;
mod settings;
mod why_not;

use std::process::ExitCode;

pub(super) use arguments::ExplainArguments;
pub(super) use page::page;

use super::policy_input::LoadedPolicy;
use super::{OutputForm, REFUSED, output, say, terminal};
use crate::engine::decision::AuthorizerCall;
use crate::engine::enforcement::{Explained, Reason, Step, StreamAttributes};
use crate::tool::decision_tests::{AuthorizerReply, Expect, Outcome, TestRequest};

/// A request, and what becomes of it.
pub(super) struct Explanation<'p> {
    pub(super) request: &'p TestRequest,
    pub(super) loaded: &'p LoadedPolicy,
    pub(super) explained: Explained<'p>,
    pub(super) outcome: Outcome,
}

impl<'p> Explanation<'p> {
    /// Explains a request, about which authorizers answer as `answers` say, in order.
    ///
    /// # Errors
    /// Where what was seen does not lead to what was decided: then nothing is told.
    pub(super) fn of(
        request: &'p TestRequest,
        answers: impl IntoIterator<Item = AuthorizerReply>,
        loaded: &'p LoadedPolicy,
    ) -> Result<Self, String> {
        let explained = request.explain(&loaded.policies, &loaded.document, answers);
        if let Some(contradiction) = explained.contradiction() {
            return Err(format!("internal error, please report it: {contradiction}"));
        }
        let StreamAttributes {
            caller, headers, ..
        } = request.facts(&loaded.policies);
        Ok(Self {
            request,
            loaded,
            outcome: Outcome {
                caller: caller.spiffe_id().map(str::to_owned),
                asks: asked::policies(&explained).collect(),
                ..Outcome::of(&explained.step, &headers)
            },
            explained,
        })
    }

    /// What an authorizer is asked last, where the explanation ends there: with its refusal,
    /// or because nobody knows its answer.
    fn ask(&self) -> Option<&AuthorizerCall<'p>> {
        asked::last(&self.explained)
    }

    /// Why the request is refused, if it is.
    fn reason(&self) -> Option<&Reason<'p>> {
        match &self.explained.step {
            Step::Block(refusal) => Some(&refusal.reason),
            _ => None,
        }
    }
}

pub(super) fn run(arguments: &ExplainArguments) -> ExitCode {
    let loaded = match arguments.subject.load("the request cannot be explained") {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    loaded.mention_warnings();
    let (request, answers) = match arguments.request(&loaded) {
        Ok(request) => request,
        Err(code) => return code,
    };
    let explanation = match Explanation::of(&request, answers, &loaded) {
        Ok(explanation) => explanation,
        Err(error) => {
            say(format_args!("error: {error}"));
            return ExitCode::from(REFUSED);
        }
    };
    let width = terminal::width();
    let text = match (arguments.output, &arguments.why_not) {
        (OutputForm::Json, _) => json::text(&explanation),
        (OutputForm::Text, Some(tool)) => why_not::page(&explanation, tool, width),
        (OutputForm::Text, None) => page(&explanation, arguments.all, width),
    };
    if let Err(error) = terminal::print(&text) {
        return output::unwritten(&error);
    }
    let found = explanation.outcome.expect;
    match arguments.expect {
        Some(expected) if !expected.is_met(found) => {
            let found = found.map_or("nothing", Expect::as_str);
            say(format_args!("expected {}, got {found}", expected.as_str()));
            ExitCode::from(REFUSED)
        }
        _ => ExitCode::SUCCESS,
    }
}
