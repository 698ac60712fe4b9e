//! What the policies make of a request: every policy and every rule is walked through,
//! for each request, in the order in which the semantics are written.

use accesspolicy::engine::policy::{
    Action, AllowPolicies, CompiledPolicy, Mode, Policy, RequestHeaders, Target, Unlisted,
    Unprotected,
};

use super::outcome::{Level, Outcome, Reason, Verdict};
use super::request::{Asks, Request};
use super::{rule, shape};

/// What becomes of a request.
pub fn evaluate(document: &CompiledPolicy, request: &Request) -> Outcome {
    let says_more = request.asks != Asks::Http && shape::says_more(request);
    if shape::is_odd_method(&request.method) || says_more {
        return Outcome::Refused;
    }
    let all: Vec<&Policy> = document.policies.iter().collect();
    let enforced: Vec<&Policy> = only(&all, |policy| policy.mode == Mode::Enforce);
    let audited = only(&all, |policy| policy.mode == Mode::Audit);
    let case = Case { document, request };
    if document.settings.request_headers == RequestHeaders::Stream
        && is_posted(request)
        && let Err(reason) = case
            .judge_headers(&enforced)
            .and_then(|()| case.judge_elsewhere(&enforced))
    {
        return Outcome::DeniedByHeaders(reason);
    }
    if shape::is_refused(document, request) {
        return Outcome::Refused;
    }
    let verdict = case.judge(&enforced);
    let as_enforced = case.judge(&all);
    // Where no such policy is attached, one may still make the request one that no
    // policy judges, or the other way round.
    let is_told = case.meets(&audited) || as_enforced.is_allowed() != verdict.is_allowed();
    Outcome::Judged {
        verdict,
        audit: is_told.then_some(as_enforced),
    }
}

/// Whether the body is to say what is asked.
fn is_posted(request: &Request) -> bool {
    match request.asks {
        Asks::Message(_) => true,
        Asks::Nonsense { .. } => request.method == "POST",
        _ => false,
    }
}

struct Case<'c> {
    document: &'c CompiledPolicy,
    request: &'c Request,
}

impl Case<'_> {
    /// What some of the policies make of the request.
    fn judge(&self, policies: &[&Policy]) -> Verdict {
        if policies.is_empty() {
            return self.unprotected();
        }
        if let Err(reason) = self.destination(policies) {
            return Verdict::Deny(reason);
        }
        let at_gateway = only(policies, |policy| self.is_at_gateway(policy));
        let gateway = match self.pass(Level::Gateway, &at_gateway) {
            Ok(by) => by,
            Err(reason) => return Verdict::Deny(reason),
        };
        let at_backend = only(policies, |policy| self.is_at_backend(policy));
        let backend = match self.pass(Level::Backend, &at_backend) {
            Ok(by) => by,
            Err(reason) => return Verdict::Deny(reason),
        };
        let mut judges = at_gateway.iter().chain(&at_backend);
        let is_judged = judges.any(|policy| policy.action == Action::Allow);
        let strange_port = !self.has_listener() && target(policies, is_listener);
        let strange_cluster = !self.has_backend() && target(policies, is_backend);
        if !is_judged && (strange_port || strange_cluster) {
            return self.unprotected();
        }
        Verdict::Allow { gateway, backend }
    }

    /// What some of the policies make of a message of which only the headers are known:
    /// an error where it is denied whatever it says.
    fn judge_headers(&self, policies: &[&Policy]) -> Result<(), Reason> {
        let unprotected = || match self.unprotected() {
            Verdict::Deny(reason) => Err(reason),
            _ => Ok(()),
        };
        if policies.is_empty() {
            return unprotected();
        }
        self.destination(policies)?;
        let at_gateway = only(policies, |policy| self.is_at_gateway(policy));
        let at_backend = only(policies, |policy| self.is_at_backend(policy));
        self.pass_headers(Level::Gateway, &at_gateway)?;
        self.pass_headers(Level::Backend, &at_backend)?;
        let mut judges = at_gateway.iter().chain(&at_backend);
        let is_judged = judges.any(|policy| policy.action == Action::Allow);
        let strange_port = !self.has_listener() && target(policies, is_listener);
        let strange_cluster = !self.has_backend() && target(policies, is_backend);
        match !is_judged && (strange_port || strange_cluster) {
            true => unprotected(),
            false => Ok(()),
        }
    }

    /// Whether it is known where the request goes, as far as some policies ask for it.
    fn destination(&self, policies: &[&Policy]) -> Result<(), Reason> {
        let is_listed_only =
            self.document.settings.unlisted == Unlisted::Deny && !self.document.backends.is_empty();
        if self.request.cluster.is_none() && (is_listed_only || target(policies, is_backend)) {
            return Err(Reason::NoCluster);
        }
        if is_listed_only && !self.has_backend() {
            return Err(Reason::Unlisted);
        }
        if self.request.port.is_none() && target(policies, is_listener) {
            return Err(Reason::NoPort);
        }
        Ok(())
    }

    /// What some of the policies make of a request that some servers take for another than
    /// MCP: an error where that is denied.
    fn judge_elsewhere(&self, policies: &[&Policy]) -> Result<(), Reason> {
        if self.is_surely_mcp() {
            return Ok(());
        }
        let request = Request {
            asks: Asks::Http,
            ..self.request.clone()
        };
        let elsewhere = Case {
            request: &request,
            ..*self
        };
        match elsewhere.judge(policies) {
            Verdict::Deny(reason) => Err(reason),
            _ => Ok(()),
        }
    }

    /// Passes a level if any message with these headers could.
    fn pass_headers(&self, level: Level, policies: &[&Policy]) -> Result<(), Reason> {
        let mut policies = policies.to_vec();
        policies.sort_by_key(|policy| &policy.policy);
        let denying = only(&policies, |policy| policy.action == Action::Deny);
        let mut refusals = denying.iter();
        if let Some(by) = refusals.find_map(|policy| rule::refuses_headers(policy, self.request)) {
            return Err(Reason::Refused { level, by });
        }
        let allowing = only(&policies, |policy| policy.action == Action::Allow);
        let mut could = allowing.iter();
        if allowing.is_empty() || could.any(|policy| rule::knows(policy, self.request).is_some()) {
            return Ok(());
        }
        let policy = match self.document.settings.allow_policies {
            AllowPolicies::All => Some(allowing[0].policy.to_string()),
            AllowPolicies::Any => None,
        };
        Err(Reason::NotAllowed { level, policy })
    }

    /// Passes a level with everything that is asked, by a rule if one is needed.
    fn pass(&self, level: Level, policies: &[&Policy]) -> Result<Option<String>, Reason> {
        let mut policies = policies.to_vec();
        policies.sort_by_key(|policy| &policy.policy);
        let denying = only(&policies, |policy| policy.action == Action::Deny);
        let allowing = only(&policies, |policy| policy.action == Action::Allow);
        let mut parts = self.request.parts();
        // What is MCP to some servers only is something else to the rest.
        if self.request.asks != Asks::Http && !self.is_surely_mcp() {
            parts.push(Request {
                asks: Asks::Http,
                ..self.request.clone()
            });
        }
        for part in &parts {
            let mut refusals = denying.iter();
            if let Some(by) = refusals.find_map(|policy| rule::refuses(policy, part)) {
                return Err(Reason::Refused { level, by });
            }
        }
        let mut first = None;
        for part in parts.iter().filter(|_| !allowing.is_empty()) {
            match self.allowed(&allowing, part) {
                Ok(by) => first = first.or(Some(by)),
                Err(policy) => return Err(Reason::NotAllowed { level, policy }),
            }
        }
        Ok(first)
    }

    /// The rule that allows one thing asked; or the policy that does not, where each must.
    fn allowed(&self, policies: &[&Policy], part: &Request) -> Result<String, Option<String>> {
        // A response calls nothing: it is enough that the caller is known.
        if rule::is_response(part) {
            return policies
                .iter()
                .find_map(|policy| rule::knows(policy, part))
                .ok_or(None);
        }
        let mut found = policies.iter().map(|policy| {
            let missing = || Some(policy.policy.to_string());
            rule::allows(policy, part).ok_or_else(missing)
        });
        match self.document.settings.allow_policies {
            AllowPolicies::Any => found.find_map(Result::ok).ok_or(None),
            AllowPolicies::All => {
                let all: Vec<String> = found.collect::<Result<_, _>>()?;
                Ok(all[0].clone())
            }
        }
    }

    /// Whether every server takes the path for one that carries MCP: it begins with a prefix,
    /// and no spelling of `..` leads out of it.
    fn is_surely_mcp(&self) -> bool {
        let Some(prefixes) = &self.document.settings.mcp_paths else {
            return true;
        };
        let path = self.request.path.split('?').next().unwrap_or_default();
        let begins = |prefix: &String| {
            let prefix = prefix.trim_end_matches('/');
            path == prefix || path.starts_with(&format!("{prefix}/"))
        };
        prefixes.iter().any(begins) && !path.contains("..") && !path.contains("%2e")
    }

    fn unprotected(&self) -> Verdict {
        match self.document.settings.unprotected {
            Unprotected::Allow => Verdict::Unprotected,
            Unprotected::Deny => Verdict::Deny(Reason::Unprotected),
        }
    }

    /// Whether one of some policies is attached where the request goes.
    fn meets(&self, policies: &[&Policy]) -> bool {
        let mut policies = policies.iter();
        policies.any(|policy| self.is_at_gateway(policy) || self.is_at_backend(policy))
    }

    fn is_at_gateway(&self, policy: &Policy) -> bool {
        policy.targets.iter().any(|target| match target {
            Target::Gateway => true,
            Target::Listener(name) => {
                let mut listeners = self.document.listeners.iter();
                listeners.any(|listener| {
                    listener.name == *name && Some(listener.port.get()) == self.request.port
                })
            }
            Target::Backend(_) => false,
        })
    }

    fn is_at_backend(&self, policy: &Policy) -> bool {
        let cluster = self.request.cluster.as_ref();
        policy.targets.iter().any(|target| {
            let Target::Backend(name) = target else {
                return false;
            };
            let mut backends = self.document.backends.iter();
            backends.any(|backend| {
                let mut clusters = backend.clusters.iter();
                backend.backend == *name && clusters.any(|served| Some(served) == cluster)
            })
        })
    }

    fn has_listener(&self) -> bool {
        let mut listeners = self.document.listeners.iter();
        listeners.any(|listener| Some(listener.port.get()) == self.request.port)
    }

    fn has_backend(&self) -> bool {
        let mut clusters = self.document.backends.iter().flat_map(|it| &it.clusters);
        clusters.any(|cluster| Some(cluster) == self.request.cluster.as_ref())
    }
}

fn only<'p>(policies: &[&'p Policy], keep: impl Fn(&Policy) -> bool) -> Vec<&'p Policy> {
    let policies = policies.iter().copied();
    policies.filter(|policy| keep(policy)).collect()
}

/// Whether a policy targets something of a kind.
fn target(policies: &[&Policy], kind: impl Fn(&Target) -> bool) -> bool {
    policies
        .iter()
        .any(|policy| policy.targets.iter().any(&kind))
}

fn is_listener(target: &Target) -> bool {
    matches!(target, Target::Listener(_))
}

fn is_backend(target: &Target) -> bool {
    matches!(target, Target::Backend(_))
}
