//! A note on rules that list `OPTIONS`.

use crate::engine::policy::{Action, ObjectName};
use crate::tool::api::decode::Problem;
use crate::tool::compile::lower::Lowered;

/// The notes, one for each policy.
pub(in crate::tool::compile) fn listed(
    policies: &[Lowered],
) -> impl Iterator<Item = (ObjectName, Problem)> {
    let allowing = policies
        .iter()
        .filter(|lowered| lowered.policy.action == Action::Allow);
    allowing.filter_map(|lowered| {
        let mut rules = lowered.written.iter();
        let rule = rules.find(|rule| {
            let http = rule.value.http.as_ref();
            let methods = http.and_then(|http| http.methods.as_ref());
            methods.is_some_and(|methods| methods.iter().any(|method| method == "OPTIONS"))
        })?;
        let message = "browsers send OPTIONS without the caller's identity, and read no response \
                       that does not allow their page's origin";
        let problem = Problem::new(&rule.at, message).help(
            "let Envoy's `cors` filter answer them: `accesspolicy render --cors ORIGIN` writes it",
        );
        Some((lowered.policy.policy.clone(), problem))
    })
}
