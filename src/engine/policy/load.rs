//! From the text of a compiled policy to [`Policies`]: taken whole or refused.

use std::cmp::Ordering;
use std::rc::Rc;

use super::SafeInteger;
use super::authorizer::{ExternalAuth, GrpcAuth, Protocol};
use super::builder::{PolicyBuilder, PolicyDraft, Rules};
use super::index::{Policies, PolicyId, PolicyRules};
#[cfg(not(target_os = "wasi"))]
use super::model::Policy;
use super::model::{
    Action, CompiledPolicy, Mode, ObjectName, RequestHeaders, SCHEMA_VERSION, Settings,
};
use super::read::{FormError, document};
use super::requirements::Requirements;
use super::seal::Seal;
use super::targets::{Effect, IndexPlace, Targets};
use super::terms::Terms;
use crate::engine::expr::{self, Attribute};
use crate::engine::json::{RawNumber, RawValue};

/// Why a compiled policy was not taken. Its display is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no text at all.
    #[error("the plugin configuration is empty; give it the output of `accesspolicy compile`")]
    Empty,
    /// The text is not a compiled policy.
    #[error("the plugin configuration is not a compiled policy: {0}")]
    Malformed(FormError),
    /// The text is a compiled policy of another schema version.
    #[error(
        "the compiled policy has schema version {found} and this filter takes {SCHEMA_VERSION}; \
         compile it with the tool of the same release"
    )]
    SchemaVersion {
        /// The version found.
        found: u64,
    },
    /// The document contradicts itself.
    #[error("the compiled policy contradicts itself: {0}")]
    Inconsistent(String),
    /// It is not what the compiler wrote.
    #[error(
        "the compiled policy was changed after it was compiled; change the policies, and compile \
         them again"
    )]
    Changed,
    /// There is no memory for it.
    #[error("there is no memory for the compiled policy")]
    Unaffordable,
}

/// The version that a document says it has, whose other members may be of any form.
fn version(text: &[u8]) -> Option<SafeInteger> {
    let mut members = RawValue::new(text).members();
    let (_, version) = members.find(|(key, _)| key.string().as_deref() == Some("schemaVersion"))?;
    match version.number()? {
        RawNumber::Integer(version) => u64::try_from(version).ok().and_then(SafeInteger::new),
        RawNumber::Double(version) => SafeInteger::from_double(version),
    }
}

impl Policies {
    /// Reads a compiled policy. A text that is given away is gone before the index is
    /// made, which can have its memory.
    ///
    /// # Errors
    /// Anything but one whole, consistent document of this schema version.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, LoadError> {
        Self::from_json_within(text, &|_| true)
    }

    /// The same, where `has_room` says whether there is memory for so many bytes. It is asked
    /// for what the index takes; for the rest, see [`memory_to_load`](super::memory_to_load).
    ///
    /// # Errors
    /// Likewise; and [`LoadError::Unaffordable`].
    pub fn from_json_within(
        text: impl AsRef<[u8]>,
        has_room: &dyn Fn(usize) -> bool,
    ) -> Result<Self, LoadError> {
        let document = read(text.as_ref())?;
        // There is one, of a text that was read.
        if !Seal::of(text.as_ref()).is_ok_and(|seal| !seal.is_broken()) {
            return Err(LoadError::Changed);
        }
        drop(text);
        Self::index(document, has_room)
    }

    /// Indexes a compiled policy.
    ///
    /// # Errors
    /// [`LoadError::Inconsistent`], naming what contradicts what.
    pub fn new(document: CompiledPolicy) -> Result<Self, LoadError> {
        let document = document.map(|policies| {
            let mut incoming = PolicyBuilder::default();
            policies.into_iter().for_each(|it| incoming.add(it));
            incoming
        });
        Self::index(document, &|_| true)
    }

    fn index(
        document: CompiledPolicy<PolicyBuilder>,
        has_room: &dyn Fn(usize) -> bool,
    ) -> Result<Self, LoadError> {
        // Destructured, so that a new member cannot be forgotten here.
        let CompiledPolicy {
            schema_version: _,
            digest,
            seal: _,
            gateway,
            settings,
            listeners,
            backends,
            policies: incoming,
        } = document;
        // SECURITY: headers of whatever is posted anywhere would go on unjudged.
        if settings.request_headers == RequestHeaders::Stream && settings.mcp_paths.is_none() {
            let what = "request headers are streamed, and no path is named that carries MCP";
            return Err(inconsistent(what.to_owned()));
        }
        let PolicyBuilder {
            policies,
            callers,
            things,
            forms,
            numbers: _,
        } = incoming;
        check_ports(&settings)?;
        let mut targets = Targets::new(listeners, backends, &policies)?;
        let mut loading = Loading {
            policies: Vec::with_capacity(policies.len()),
            enforced: 0,
            settings,
            needs: Requirements::default(),
        };
        let mut places = Vec::with_capacity(policies.len());
        for policy in in_order(policies, |a, b| a.key().cmp(&b.key())) {
            places.push(loading.attach(policy, &mut targets)?);
        }
        let filed = targets.file(&places, has_room);
        filed.ok_or(LoadError::Unaffordable)?;
        let Loading {
            policies,
            enforced,
            settings,
            mut needs,
        } = loading;
        needs.targets(targets.audited_reach);
        needs.paths(settings.mcp_paths.is_some());
        if !settings.edge {
            needs.without_edge();
        }
        needs.cluster |= targets.require_one(settings.unlisted);
        Ok(Self {
            digest,
            gateway,
            terms: Rc::new(Terms { settings, needs }),
            policies,
            callers,
            things,
            forms,
            targets,
            enforced,
        })
    }
}

/// Policies that are being attached.
struct Loading {
    policies: Vec<PolicyRules>,
    enforced: usize,
    settings: Settings,
    needs: Requirements,
}

impl Loading {
    /// Attaches a policy to its targets; returns where its rules are to be filed.
    fn attach(
        &mut self,
        policy: PolicyDraft,
        attached: &mut Targets,
    ) -> Result<Vec<IndexPlace>, LoadError> {
        let PolicyDraft {
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
        let does = does(action, external_auth.as_deref()).ok_or_else(|| {
            let what = "an action other than whom it asks";
            inconsistent(format!("policy `{name}` has {what}"))
        })?;
        if let Some(external_auth) = &external_auth {
            check_authorizer(external_auth, &name)?;
            self.check_copying(external_auth, &name)?;
            if mode == Mode::Enforce {
                let matters = self.settings.may_be_rerouted();
                self.needs.external_auth(external_auth, matters);
            }
        }
        let Rules { rules, places } = rules?;
        for target in non_empty(targets, &name, "targets")? {
            if attached.attach(&target, id, does, mode).is_none() {
                return Err(inconsistent(format!(
                    "policy `{name}` has a target that is not listed"
                )));
            }
        }
        if mode == Mode::Enforce {
            self.enforced = self.enforced.saturating_add(1);
        }
        for rule in &rules {
            rule.http.iter().for_each(|http| self.needs.http(http));
            if let Some(needs) = rule.cel.as_ref().map(|cel| cel.needs()) {
                self.check_facts(needs, &name)?;
                self.needs.expression(needs);
            }
        }
        self.policies.push(PolicyRules {
            policy: name,
            external_auth,
            rules,
        });
        Ok(places)
    }

    /// SECURITY: without a value a fact could still be asked for by `!has(...)`.
    fn check_facts(
        &self,
        needs: &expr::AttributeNeeds,
        policy: &ObjectName,
    ) -> Result<(), LoadError> {
        let mut facts = Attribute::ALL.into_iter();
        match facts.find(|(_, fact)| fact.needs_edge() && needs.has(*fact)) {
            Some((fact, _)) if !self.settings.edge => {
                let what = format!("reads `{fact}`, which takes `edge: true`");
                Err(inconsistent(format!("policy `{policy}` {what}")))
            }
            _ => Ok(()),
        }
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
}

/// Reads a whole document.
fn read(text: &[u8]) -> Result<CompiledPolicy<PolicyBuilder>, LoadError> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(LoadError::Empty);
    }
    let document = document::<CompiledPolicy<PolicyBuilder>>(text);
    // A later version may look different altogether, so its number is the better message.
    let version = match &document {
        Ok(document) => Some(document.schema_version),
        Err(_) => version(text),
    };
    match version.map(SafeInteger::get) {
        Some(found) if found != u64::from(SCHEMA_VERSION) => {
            Err(LoadError::SchemaVersion { found })
        }
        _ => document.map_err(LoadError::Malformed),
    }
}

/// A port of Envoy's stands for one port of the Gateway.
fn check_ports(settings: &Settings) -> Result<(), LoadError> {
    let mut known: Vec<SafeInteger> = Vec::new();
    for alias in &settings.ports {
        if known.contains(&alias.envoy) {
            let port = alias.envoy.get();
            return Err(inconsistent(format!("port {port} stands for two")));
        }
        known.push(alias.envoy);
    }
    Ok(())
}

/// A policy as written may be two: one that decides, and one that asks.
#[cfg(not(target_os = "wasi"))]
pub(super) fn key(policy: &Policy) -> (&ObjectName, bool) {
    (&policy.policy, policy.external_auth.is_some())
}

/// What a policy does; `None` where it asks and nobody is named, or the other way round.
fn does(action: Action, external_auth: Option<&ExternalAuth>) -> Option<Effect> {
    match (action, external_auth) {
        (Action::Allow, None) => Some(Effect::Allow),
        (Action::Deny, None) => Some(Effect::Deny),
        (Action::ExternalAuth, Some(external_auth)) => Some(Effect::Ask(external_auth.order.get())),
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

#[cold] // the module is smaller so
pub(super) fn inconsistent(what: String) -> LoadError {
    LoadError::Inconsistent(what)
}

#[cold] // as above
pub(super) fn empty(policy: &ObjectName, list: &str) -> LoadError {
    inconsistent(format!("policy `{policy}` has an empty list of {list}"))
}

/// Items in order; those that are equal stay as they are.
///
/// The compiler writes them in order, so that there is nothing to do; and it is less
/// code in the module than a sort.
pub(super) fn in_order<T>(items: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    if items.is_sorted_by(|a, b| compare(a, b) != Ordering::Greater) {
        return items;
    }
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

pub(super) fn non_empty<T>(
    list: Vec<T>,
    policy: &ObjectName,
    what: &str,
) -> Result<Vec<T>, LoadError> {
    if list.is_empty() {
        Err(empty(policy, what))
    } else {
        Ok(list)
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
