//! Policies as they come, turned at once into what the index is made of.
//!
//! So a large configuration is never held as a document too: what the filter has taken of
//! memory it never gives back.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::authorizer::ExternalAuth;
use super::http::HttpConditions;
use super::index::{CallerId, CallerKey, IndexedRule, SelectorId, selector};
use super::interner::Interner;
use super::load::{LoadError, empty, in_order, inconsistent, non_empty};
use super::model::{
    Action, BaseProtocol, Mcp, MethodMatch, MethodName, Mode, ObjectName, Policy, Rule, Target,
};
use super::read::{FormError, Read, list};
use super::targets::IndexPlace;
use crate::engine::expr::CelCondition;
use crate::engine::json::Pull;
use crate::engine::uri;

/// The policies that have come, and numbers for what their rules name.
#[derive(Debug, Default)]
pub(super) struct PolicyBuilder {
    pub(super) policies: Vec<PolicyDraft>,
    pub(super) callers: Interner<CallerId>,
    pub(super) things: BTreeMap<MethodName, Interner<SelectorId>>,
    /// The forms of the uris that rules list which refuse or ask.
    pub(super) forms: BTreeMap<MethodName, Interner<SelectorId>>,
    pub(super) numbers: SelectorNumbers,
}

/// A policy whose rules have been taken apart.
#[derive(Debug)]
pub(super) struct PolicyDraft {
    pub(super) policy: ObjectName,
    pub(super) action: Action,
    pub(super) mode: Mode,
    pub(super) external_auth: Option<Box<ExternalAuth>>,
    pub(super) targets: Vec<Target>,
    /// What is wrong with them is told once all has been read.
    pub(super) rules: Result<Rules, LoadError>,
}

/// A policy's rules, in order, and every place that they are filed under.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) rules: Vec<IndexedRule>,
    pub(super) places: Vec<IndexPlace>,
}

impl PolicyDraft {
    /// As for a policy as written.
    pub(super) fn key(&self) -> (&ObjectName, bool) {
        (&self.policy, self.external_auth.is_some())
    }
}

impl Read for PolicyBuilder {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        let mut incoming = Self::default();
        list(text, &mut |text| {
            incoming.add(Policy::read(text)?);
            Ok(())
        })?;
        Ok(incoming)
    }
}

impl PolicyBuilder {
    /// Takes one more.
    pub(super) fn add(&mut self, policy: Policy) {
        let Policy {
            policy,
            action,
            mode,
            external_auth,
            targets,
            rules,
        } = policy;
        let rules = self.rules(rules, &policy, action);
        self.policies.push(PolicyDraft {
            policy,
            action,
            mode,
            external_auth: external_auth.map(Box::new),
            targets,
            rules,
        });
    }

    fn rules(
        &mut self,
        rules: Option<Vec<Rule>>,
        policy: &ObjectName,
        action: Action,
    ) -> Result<Rules, LoadError> {
        let Some(rules) = rules else {
            let places = [selector::ANYTHING, selector::SOURCE].map(|selector| IndexPlace {
                caller: CallerKey::Anyone,
                selector,
                rule: None,
            });
            return Ok(Rules {
                rules: Vec::new(),
                places: places.into(),
            });
        };
        let rules = in_order(non_empty(rules, policy, "rules")?, |a, b| {
            a.name.cmp(&b.name)
        });
        let mut indexed = Vec::with_capacity(rules.len());
        // Most rules are for a source, and list one thing for one method.
        let mut places = Vec::with_capacity(rules.len().saturating_mul(3));
        for (number, rule) in (0u32..).zip(rules) {
            let Rule {
                name,
                source,
                http,
                mcp,
                cel,
                message,
            } = rule;
            let caller = match source {
                None => CallerKey::Anyone,
                Some(spiffe_id) => CallerKey::Caller(self.caller_number(spiffe_id)),
            };
            let mut file = |selector| {
                places.push(IndexPlace {
                    caller,
                    selector,
                    rule: Some(number),
                })
            };
            file(selector::SOURCE);
            self.select(mcp, policy, action, &mut file)?;
            let has = |what: &dyn Display| inconsistent(format!("policy `{policy}` has {what}"));
            let http = http.map(|http| HttpConditions::new(*http)).transpose();
            let http = http.map_err(|what| has(&what))?;
            let cel = cel.map(|cel| CelCondition::new(*cel)).transpose();
            let cel = cel.map_err(|what| has(&what))?;
            if cel.is_none() && message.is_some() {
                return Err(has(&"a message without an expression"));
            }
            indexed.push(IndexedRule {
                name,
                http: http.map(Box::new),
                cel: cel.map(Box::new),
                message,
            });
        }
        Ok(Rules {
            rules: indexed,
            places,
        })
    }

    /// Every selector that a rule's MCP part asks for.
    fn select(
        &mut self,
        mcp: Option<Mcp>,
        policy: &ObjectName,
        action: Action,
        file: &mut impl FnMut(SelectorId),
    ) -> Result<(), LoadError> {
        let Some(Mcp {
            methods,
            base_protocol,
        }) = mcp
        else {
            file(selector::ANYTHING);
            return Ok(());
        };
        let base = match base_protocol {
            BaseProtocol::None => None,
            BaseProtocol::Session => Some(selector::SESSION),
            BaseProtocol::Full => Some(selector::BASE_PROTOCOL),
        };
        base.into_iter().for_each(&mut *file);
        let Some(methods) = methods else {
            // SPEC: MATCH_BASE_PROTOCOL_METHODS without methods matches those only, and
            // so does a rule of v0alpha0 without tools.
            if base.is_none() {
                file(selector::ANY_MCP);
            }
            return Ok(());
        };
        if methods.is_empty() {
            return Err(empty(policy, "methods"));
        }
        for MethodMatch { name, params } in methods {
            match (name.category(), params) {
                (Some(category), None) => file(selector::category(category)),
                (None, None) => file(selector::method(name)),
                (None, Some(params)) if name.takes_params() => {
                    if params.is_empty() {
                        return Err(empty(policy, "params"));
                    }
                    file(selector::listed(name));
                    let known = self.things.entry(name).or_default();
                    if action != Action::Allow && name.acts_on_resources() {
                        let forms = self.forms.entry(name).or_default();
                        for form in params.iter().flat_map(|uri| uri::listed(uri)) {
                            file(forms.get_or_insert(form, || self.numbers.next()));
                        }
                    }
                    for thing in params {
                        file(known.get_or_insert(thing, || self.numbers.next()));
                    }
                }
                (_, Some(_)) => {
                    return Err(inconsistent(format!(
                        "policy `{policy}` gives params to `{}`, which acts on nothing",
                        name.as_str()
                    )));
                }
            }
        }
        Ok(())
    }

    fn caller_number(&mut self, spiffe_id: String) -> CallerId {
        // Fewer callers than rules, and those fit.
        let next = CallerId(u32::try_from(self.callers.len()).unwrap_or(u32::MAX));
        self.callers.get_or_insert(spiffe_id, || next)
    }
}

/// Hands out numbers for things.
#[derive(Debug)]
pub(super) struct SelectorNumbers(u32);

impl Default for SelectorNumbers {
    fn default() -> Self {
        Self(selector::FIRST_THING)
    }
}

impl SelectorNumbers {
    fn next(&mut self) -> SelectorId {
        let number = SelectorId(self.0);
        self.0 = self.0.saturating_add(1);
        number
    }
}
