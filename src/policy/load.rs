//! From the text of a compiled policy to [`Policies`]: taken whole or refused.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::Whole;
use super::attach::{Does, Place, Targets};
use super::authorizer::{ExternalAuth, GrpcAuth, Protocol};
use super::http::HttpConditions;
use super::index::{
    CallerId, CallerKey, IndexedRule, Map, Policies, PolicyId, PolicyRules, RuleRef, SelectorId,
    selector,
};
use super::model::{
    Action, BaseProtocol, CompiledPolicy, Mcp, Method, Mode, ObjectName, Policy, RequestHeaders,
    Rule, SCHEMA_VERSION,
};
use super::needs::Needs;
use super::read::{Malformed, document};
use crate::expr::Condition;
use crate::json::{Number, View};

/// Why a compiled policy was not taken. Its display is one sentence.
#[derive(Debug)]
pub enum LoadError {
    /// There is no text at all.
    Empty,
    /// The text is not a compiled policy.
    Malformed(Malformed),
    /// The text is a compiled policy of another schema version.
    SchemaVersion {
        /// The version found.
        found: u64,
    },
    /// The document contradicts itself.
    Inconsistent(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "the plugin configuration is empty; give it the output of `accesspolicy compile`",
            ),
            Self::Malformed(error) => {
                write!(
                    f,
                    "the plugin configuration is not a compiled policy: {error}"
                )
            }
            Self::SchemaVersion { found } => write!(
                f,
                "the compiled policy has schema version {found} and this filter takes \
                 {SCHEMA_VERSION}; compile it with the tool of the same release"
            ),
            Self::Inconsistent(what) => write!(f, "the compiled policy contradicts itself: {what}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// The version that a document says it has, whose other members may be of any form.
fn version(text: &[u8]) -> Option<Whole> {
    let mut members = View::new(text).members();
    let (_, version) = members.find(|(key, _)| key.string().as_deref() == Some("schemaVersion"))?;
    match version.number()? {
        Number::Integer(version) => u64::try_from(version).ok().and_then(Whole::new),
        Number::Double(version) => Whole::from_double(version),
    }
}

impl Policies {
    /// Reads a compiled policy.
    ///
    /// # Errors
    /// Anything but one whole, consistent document of this schema version.
    pub fn from_json(text: &[u8]) -> Result<Self, LoadError> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(LoadError::Empty);
        }
        let document = document::<CompiledPolicy>(text);
        // A later version may look different altogether, so its number is the better message.
        let version = match &document {
            Ok(document) => Some(document.schema_version),
            Err(_) => version(text),
        };
        match version.map(Whole::get) {
            Some(found) if found != u64::from(SCHEMA_VERSION) => {
                Err(LoadError::SchemaVersion { found })
            }
            _ => Self::new(document.map_err(LoadError::Malformed)?),
        }
    }

    /// Indexes a compiled policy.
    ///
    /// # Errors
    /// [`LoadError::Inconsistent`], naming what contradicts what.
    pub fn new(document: CompiledPolicy) -> Result<Self, LoadError> {
        // Destructured, so that a new member cannot be forgotten here.
        let CompiledPolicy {
            schema_version: _,
            digest,
            gateway: _,
            settings,
            listeners,
            backends,
            policies,
        } = document;
        let mut targets = Targets::new(listeners, backends, &policies)?;
        let mut loaded = Self {
            digest,
            settings,
            policies: Vec::with_capacity(policies.len()),
            callers: Map::default(),
            things: BTreeMap::default(),
            targets: Targets::default(),
            enforced: 0,
            needs: Needs::default(),
        };
        let mut things = SelectorNumbers::default();
        for policy in in_order(policies, |a, b| key(a).cmp(&key(b))) {
            loaded.file(policy, &mut targets, &mut things)?;
        }
        loaded.needs.targets(targets.audited_reach);
        loaded.targets = targets;
        Ok(loaded)
    }

    fn file(
        &mut self,
        policy: Policy,
        attached: &mut Targets,
        things: &mut SelectorNumbers,
    ) -> Result<(), LoadError> {
        let Policy {
            policy: name,
            action,
            mode,
            external_auth,
            targets,
            rules,
        } = policy;
        let is_same = |last: &PolicyRules| {
            last.policy == name && last.external_auth.is_some() == external_auth.is_some()
        };
        if self.policies.last().is_some_and(is_same) {
            return Err(inconsistent(format!("policy `{name}` is listed twice")));
        }
        let number = u32::try_from(self.policies.len())
            .map_err(|_| inconsistent("there are too many policies".to_owned()))?;
        let id = PolicyId(number);
        let does = does(action, external_auth.as_ref()).ok_or_else(|| {
            let what = "an action other than whom it asks";
            inconsistent(format!("policy `{name}` has {what}"))
        })?;
        if let Some(external_auth) = &external_auth {
            check_authorizer(external_auth, &name)?;
            self.check_copying(external_auth, &name)?;
            if mode == Mode::Enforce {
                self.needs.external_auth(external_auth);
            }
        }
        let mut rules = rules
            .map(|rules| non_empty(rules, &name, "rules"))
            .transpose()?
            .map(|rules| in_order(rules, |a, b| a.name.cmp(&b.name)));
        let places = self.places(id, &name, rules.as_deref_mut(), things)?;
        for target in non_empty(targets, &name, "targets")? {
            let done = attached.attach(&target, id, does, mode, &places);
            if done.is_none() {
                return Err(inconsistent(format!(
                    "policy `{name}` has a target that is not listed"
                )));
            }
        }
        if mode == Mode::Enforce {
            self.enforced = self.enforced.saturating_add(1);
        }
        let rules = rules
            .unwrap_or_default()
            .into_iter()
            .map(|rule| IndexedRule::new(rule, &name))
            .collect::<Result<_, _>>()?;
        let rules = PolicyRules {
            policy: name,
            external_auth,
            rules,
        };
        for rule in &rules.rules {
            rule.http.iter().for_each(|http| self.needs.http(http));
            let cel = rule.cel.iter().map(|cel| cel.needs());
            cel.for_each(|needs| self.needs.expression(needs));
        }
        self.policies.push(rules);
        Ok(())
    }

    /// Every place that a policy's rules are filed under. Takes out of the rules what only
    /// the index has to know.
    fn places(
        &mut self,
        id: PolicyId,
        policy: &ObjectName,
        rules: Option<&mut [Rule]>,
        things: &mut SelectorNumbers,
    ) -> Result<Vec<Place>, LoadError> {
        let Some(rules) = rules else {
            let rule = RuleRef {
                policy: id,
                rule: None,
            };
            return Ok([selector::ANYTHING, selector::SOURCE]
                .map(|selector| Place {
                    caller: CallerKey::Anyone,
                    selector,
                    rule,
                })
                .into());
        };
        // Most rules are for a source, and list one thing for one method.
        let mut places = Vec::with_capacity(rules.len().saturating_mul(3));
        for (number, rule) in (0u32..).zip(rules) {
            let Rule {
                name: _,
                source,
                http: _,
                mcp,
                cel: _,
                message: _,
            } = rule;
            let caller = match source.take() {
                None => CallerKey::Anyone,
                Some(spiffe_id) => CallerKey::Caller(self.caller_number(spiffe_id)),
            };
            let rule = RuleRef {
                policy: id,
                rule: Some(number),
            };
            let mut file = |selector| {
                places.push(Place {
                    caller,
                    selector,
                    rule,
                })
            };
            file(selector::SOURCE);
            self.select(mcp.take(), policy, things, &mut file)?;
        }
        Ok(places)
    }

    /// Every selector that a rule's MCP part asks for.
    fn select(
        &mut self,
        mcp: Option<Mcp>,
        policy: &ObjectName,
        things: &mut SelectorNumbers,
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
        for Method { name, params } in methods {
            match (name.category(), params) {
                (Some(category), None) => file(selector::category(category)),
                (None, None) => file(selector::method(name)),
                (None, Some(params)) if name.takes_params() => {
                    if params.is_empty() {
                        return Err(empty(policy, "params"));
                    }
                    file(selector::listed(name));
                    let known = self.things.entry(name).or_default();
                    for thing in params {
                        file(*known.entry(thing).or_insert_with(|| things.next()));
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

    /// Headers that have gone on cannot be changed any more.
    fn check_copying(&self, auth: &ExternalAuth, policy: &ObjectName) -> Result<(), LoadError> {
        let copies = match &auth.protocol {
            Protocol::Http(http) => http.allowed_response_headers.is_some(),
            Protocol::Grpc(_) => false,
        };
        if copies && self.settings.request_headers == RequestHeaders::Stream {
            let what = "copies headers to requests whose headers are streamed";
            return Err(inconsistent(format!("policy `{policy}` {what}")));
        }
        Ok(())
    }

    fn caller_number(&mut self, spiffe_id: String) -> CallerId {
        // Fewer callers than rules, and those fit.
        let next = CallerId(u32::try_from(self.callers.len()).unwrap_or(u32::MAX));
        *self.callers.entry(spiffe_id).or_insert(next)
    }
}

impl IndexedRule {
    fn new(rule: Rule, policy: &ObjectName) -> Result<Self, LoadError> {
        let http = rule.http.map(HttpConditions::new).transpose();
        let http = http.map_err(|what| inconsistent(format!("policy `{policy}` has {what}")))?;
        let cel = rule.cel.map(Condition::new).transpose();
        let cel = cel.map_err(|what| inconsistent(format!("policy `{policy}` has {what}")))?;
        if cel.is_none() && rule.message.is_some() {
            let what = "a message without an expression";
            return Err(inconsistent(format!("policy `{policy}` has {what}")));
        }
        Ok(Self {
            name: rule.name,
            http: http.map(Box::new),
            cel: cel.map(Box::new),
            message: rule.message,
        })
    }
}

/// Hands out numbers for things.
struct SelectorNumbers(u32);

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

/// A policy as written may be two: one that decides, and one that asks.
pub(super) fn key(policy: &Policy) -> (&ObjectName, bool) {
    (&policy.policy, policy.external_auth.is_some())
}

/// What a policy does; `None` where it asks and nobody is named, or the other way round.
fn does(action: Action, external_auth: Option<&ExternalAuth>) -> Option<Does> {
    match (action, external_auth) {
        (Action::Allow, None) => Some(Does::Allow),
        (Action::Deny, None) => Some(Does::Deny),
        (Action::ExternalAuth, Some(external_auth)) => Some(Does::Ask(external_auth.order.get())),
        (Action::Allow | Action::Deny, Some(_)) | (Action::ExternalAuth, None) => None,
    }
}

/// Refuses what would say nothing, and might be read as "nothing" or as "everything".
fn check_authorizer(external_auth: &ExternalAuth, policy: &ObjectName) -> Result<(), LoadError> {
    let list = match &external_auth.protocol {
        Protocol::Http(http) => &http.allowed_response_headers,
        Protocol::Grpc(grpc) => &grpc.allowed_headers,
    };
    let max_body = external_auth.max_body;
    match list {
        Some(list) if list.is_empty() => Err(empty(policy, "headers")),
        _ if matches!(external_auth.protocol, Protocol::Grpc(_))
            && external_auth.cluster.len() > GrpcAuth::CLUSTER_LIMIT =>
        {
            let what = "calls a cluster over gRPC whose name is too long";
            Err(inconsistent(format!("policy `{policy}` {what}")))
        }
        _ if max_body.is_some_and(|max| max.get() == 0) => {
            let what = "shows 0 bytes of a body";
            Err(inconsistent(format!("policy `{policy}` {what}")))
        }
        _ => Ok(()),
    }
}

pub(super) fn inconsistent(what: String) -> LoadError {
    LoadError::Inconsistent(what)
}

fn empty(policy: &ObjectName, list: &str) -> LoadError {
    inconsistent(format!("policy `{policy}` has an empty list of {list}"))
}

/// Items in order; those that are equal stay as they are.
///
/// The compiler writes them in order, so that this has next to nothing to do; and it is
/// less code in the module than a sort.
fn in_order<T>(items: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut sorted: Vec<T> = Vec::with_capacity(items.len());
    for item in items {
        let place = match sorted.last() {
            Some(last) if compare(last, &item) == Ordering::Greater => {
                sorted.partition_point(|other| compare(other, &item) != Ordering::Greater)
            }
            _ => sorted.len(),
        };
        sorted.insert(place, item);
    }
    sorted
}

fn non_empty<T>(list: Vec<T>, policy: &ObjectName, what: &str) -> Result<Vec<T>, LoadError> {
    if list.is_empty() {
        Err(empty(policy, what))
    } else {
        Ok(list)
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
