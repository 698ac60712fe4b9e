//! A policy's rules against one thing that a request does.

use crate::engine::policy::{
    Action, Attached, BaseProtocol, CallerKey, Evaluation, HttpConditions, HttpMatch, Mcp,
    PathMatch, PolicyGroup, PolicyId, RuleRef, SelectorId, ValueMatch, selector,
};

use super::super::access::{Access, Completion};
use super::super::attribute_cache::About;
use super::super::{Allowance, Match, as_match, http};
use super::{Check, PolicyTrace, RulePart, RuleTrace, Walk, found};

/// How a rule comes to be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FiledBy {
    /// By what it lists.
    Directly,
    /// By the base protocol, where what is completed is not listed elsewhere.
    ByBase,
    /// It is not.
    Nowhere,
}

/// A policy's lists of what may be completed, where they restrict its base protocol.
struct Lists {
    /// It has one for the caller.
    restrict: bool,
    /// A rule of it lets the caller have the thing itself.
    have: bool,
}

impl Lists {
    fn permit(&self) -> bool {
        !self.restrict || self.have
    }
}

impl<'p, 'r> Walk<'p, 'r> {
    pub(super) fn policy(&self, id: PolicyId, act: &Access<'r>) -> Option<PolicyTrace<'p>> {
        let policy = self.document.policy(id)?;
        let rules = self.document.rules(id);
        let completion = match policy.action {
            Action::Allow => act.completion.as_ref(),
            Action::Deny | Action::ExternalAuth => None,
        };
        let lists = completion.map(|completion| self.lists(&rules, completion, act));
        let mut trace = PolicyTrace {
            policy: id,
            name: &policy.policy,
            action: policy.action,
            mode: policy.mode,
            rules: Vec::new(),
            direct: None,
            base: None,
        };
        for rule in rules {
            let (filed, seen) = self.rule(rule, act, policy.action, lists.as_ref());
            if seen.counts {
                match filed {
                    FiledBy::ByBase => trace.base = trace.base.or(Some(rule)),
                    FiledBy::Directly | FiledBy::Nowhere => {
                        trace.direct = trace.direct.or(Some(rule))
                    }
                }
            }
            trace.rules.push(seen);
        }
        Some(trace)
    }

    fn rule(
        &self,
        rule: RuleRef,
        act: &Access<'r>,
        action: Action,
        lists: Option<&Lists>,
    ) -> (FiledBy, RuleTrace<'p>) {
        let mut checks: Vec<Check> = self.source(rule).into_iter().collect();
        let mut filed = FiledBy::Directly;
        // A response needs a rule that some message with its headers could meet.
        let is_whole = action != Action::Allow || !act.any_rule;
        if is_whole && let Some((how, check)) = self.mcp(rule, act, action, lists) {
            filed = how;
            checks.push(check);
        }
        checks.extend(self.http(rule));
        checks.extend(self.cel(rule, act).map(|check| match is_whole {
            true => check,
            false => Check {
                matches: Match::decided(self.judge.could_be_true(rule)),
                ..check
            },
        }));
        let all = checks.iter().map(|check| check.matches);
        let matches = all.fold(Match::Yes, Match::and);
        let trace = RuleTrace {
            rule,
            name: self.judge.policies.rule_name(rule),
            checks,
            matches,
            counts: match action {
                Action::Allow => matches == Match::Yes,
                Action::Deny | Action::ExternalAuth => matches != Match::No,
            },
        };
        (filed, trace)
    }

    /// Whom a rule is filed under.
    fn key(&self, rule: RuleRef) -> Option<CallerKey> {
        let source = self
            .document
            .rule(rule)
            .and_then(|rule| rule.source.as_ref());
        let Some(source) = source else {
            return Some(CallerKey::Anyone);
        };
        self.judge.policies.caller(source).map(CallerKey::Caller)
    }

    fn is_callers(&self, rule: RuleRef) -> bool {
        self.key(rule)
            .is_some_and(|key| self.judge.callers.contains(&Some(key)))
    }

    /// Whether the index has a rule under one of some selectors, whoever calls.
    fn is_filed(&self, rule: RuleRef, selectors: &[SelectorId]) -> bool {
        let Some(key) = self.key(rule) else {
            return false;
        };
        let is_in = |group: &PolicyGroup| {
            let selectors = selectors.iter();
            let mut lists = selectors.flat_map(|selector| group.rules(key, *selector));
            lists.any(|list| list.binary_search(&rule).is_ok())
        };
        let attached = [Some(self.judge.gateway), self.judge.backend];
        let views = |attached: &'p Attached| {
            [Evaluation::Enforced, Evaluation::Audited].map(|view| attached.level(view))
        };
        let mut levels = attached.into_iter().flatten().flat_map(views);
        levels.any(|level| {
            is_in(level.allow()) || is_in(level.deny()) || is_in(level.asking().group())
        })
    }

    fn lists(&self, rules: &[RuleRef], completion: &Completion, act: &Access<'r>) -> Lists {
        let Completion { listed, things } = completion;
        let mut own = rules.iter().filter(|rule| self.is_callers(**rule));
        let restrict = own.clone().any(|rule| self.is_filed(*rule, &[*listed]));
        let have = own.any(|rule| {
            self.is_filed(*rule, things) && self.judge.conditions(*rule, act) == Match::Yes
        });
        Lists { restrict, have }
    }

    fn source(&self, rule: RuleRef) -> Option<Check> {
        let wanted = self.document.rule(rule)?.source.clone()?;
        let caller = self.judge.request.caller.spiffe_id();
        Some(Check {
            part: RulePart::Source,
            wanted: vec![wanted],
            found: caller.map(str::to_owned),
            reads: Vec::new(),
            matches: Match::decided(self.is_callers(rule)),
        })
    }

    fn mcp(
        &self,
        rule: RuleRef,
        act: &Access<'r>,
        action: Action,
        lists: Option<&Lists>,
    ) -> Option<(FiledBy, Check)> {
        let mcp = self.document.rule(rule)?.mcp.as_ref()?;
        let selectors = match action {
            Action::Allow => act.selectors.clone(),
            Action::Deny | Action::ExternalAuth => act.refusing(),
        };
        let mut asked = found::asked(act.operation(self.judge.request.operation), act.thing);
        let (filed, matches) = if self.is_filed(rule, &selectors) {
            (FiledBy::Directly, Match::Yes)
        } else if let Some(lists) = lists
            && self.is_filed(rule, &[selector::BASE_PROTOCOL])
        {
            if !lists.permit() {
                asked.push_str(", which the rules of this policy do not list");
            }
            (FiledBy::ByBase, Match::decided(lists.permit()))
        } else {
            (FiledBy::Nowhere, Match::No)
        };
        let check = Check {
            part: RulePart::Mcp,
            wanted: wanted_of_mcp(mcp),
            found: Some(asked),
            reads: Vec::new(),
            matches,
        };
        Some((filed, check))
    }

    fn http(&self, rule: RuleRef) -> Vec<Check> {
        let Some((wanted, conditions)) = self
            .document
            .rule(rule)
            .and_then(|written| written.http.as_deref())
            .zip(self.judge.policies.http(rule))
        else {
            return Vec::new();
        };
        let head = &self.judge.known.head;
        let request = head.target();
        let allowance = Allowance::default();
        let HttpConditions {
            methods,
            paths,
            headers,
            hosts,
            ports,
        } = conditions;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let HttpMatch {
            methods: wanted_methods,
            paths: wanted_paths,
            headers: wanted_headers,
            hosts: wanted_hosts,
            ports: wanted_ports,
        } = wanted;
        let check = |part, wanted, found, matches| Check {
            part,
            wanted,
            found,
            reads: Vec::new(),
            matches,
        };
        let mut checks = Vec::new();
        if let Some(wanted) = wanted_methods {
            let matches = http::of_methods(methods.as_deref(), head);
            let found = request.method().map(text);
            checks.push(check(RulePart::Method, wanted.clone(), found, matches));
        }
        if let Some(wanted) = wanted_paths {
            let wanted = wanted.iter().map(wanted_path).collect();
            let found = request.path().map(|path| text(path.as_bytes()));
            let matches = http::of_paths(paths.as_deref(), head, &allowance);
            checks.push(check(RulePart::Path, wanted, found, matches));
        }
        for (wanted, (name, value)) in wanted_headers
            .iter()
            .flatten()
            .zip(headers.iter().flatten())
        {
            let wanted = match &wanted.value {
                ValueMatch::Exact(value) => value.clone(),
                ValueMatch::RegularExpression(expression) => matching(&expression.text),
            };
            let found = request.header(name).map(|value| text(&value));
            let matches = http::of_header(name, value, request, &allowance);
            checks.push(check(
                RulePart::Header(name.clone()),
                vec![wanted],
                found,
                matches,
            ));
        }
        if let Some(wanted) = wanted_hosts {
            let matches = http::of_hosts(hosts.as_deref(), head);
            let found = head.host().map(|host| text(host.as_bytes()));
            checks.push(check(RulePart::Host, wanted.clone(), found, matches));
        }
        if let Some(wanted) = wanted_ports {
            let wanted = wanted.iter().map(|port| port.get().to_string()).collect();
            let found = request.port().map(|port| port.to_string());
            let matches = http::of_ports(ports.as_deref(), request);
            checks.push(check(RulePart::Port, wanted, found, matches));
        }
        let all = checks.iter().map(|check| check.matches);
        let known = self.judge.known.found(rule, About::Http);
        // It had nothing left to look at them.
        if known.is_some_and(|known| as_match(known) != all.fold(Match::Yes, Match::and)) {
            let is_pattern =
                |check: &&mut Check| matches!(check.part, RulePart::Path | RulePart::Header(_));
            let patterns = checks.iter_mut().filter(is_pattern);
            patterns.for_each(|check| check.matches = Match::Undecided);
        }
        checks
    }

    fn cel(&self, rule: RuleRef, act: &Access<'r>) -> Option<Check> {
        let condition = self.judge.policies.cel(rule)?;
        // What an expression asks of the thing, it asks of the one being judged.
        let answers = self.judge.answers(act);
        let known = self.judge.known.found(rule, About::act(act));
        // What the engine did not get to decides nothing.
        let value = known.unwrap_or_else(|| condition.evaluate(&answers));
        Some(Check {
            part: RulePart::Cel,
            wanted: vec![condition.text().to_owned()],
            found: Some(match &value {
                Ok(holds) => holds.to_string(),
                Err(error) => format!("no value: {error}"),
            }),
            reads: found::reads(condition, &answers),
            matches: value.map_or(Match::Undecided, Match::decided),
        })
    }
}

/// What an MCP part wants, item by item.
fn wanted_of_mcp(mcp: &Mcp) -> Vec<String> {
    let Mcp {
        methods,
        base_protocol,
    } = mcp;
    let mut wanted = Vec::new();
    for method in methods.iter().flatten() {
        let name = method.name.as_str();
        match (&method.params, method.name.category()) {
            (Some(params), _) => {
                wanted.extend(params.iter().map(|param| format!("{name} {param}")));
            }
            (None, Some(_)) => wanted.push(format!("{name}/*")),
            (None, None) => wanted.push(name.to_owned()),
        }
    }
    match base_protocol {
        BaseProtocol::None => {}
        BaseProtocol::Session => wanted.push("the beginning and end of sessions".to_owned()),
        BaseProtocol::Full => wanted.push("the base protocol".to_owned()),
    }
    if wanted.is_empty() {
        wanted.push("any MCP message".to_owned());
    }
    wanted
}

fn wanted_path(path: &PathMatch) -> String {
    match path {
        PathMatch::Exact(path) => path.clone(),
        PathMatch::PathPrefix(prefix) if prefix.is_empty() => "every path".to_owned(),
        PathMatch::PathPrefix(prefix) => format!("{prefix} and below"),
        PathMatch::RegularExpression(expression) => matching(&expression.text),
    }
}

fn matching(expression: &str) -> String {
    format!("what matches `{expression}`")
}
