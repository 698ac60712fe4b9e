//! Ports of a Gateway, which policies name, and those that Envoy takes them on.
//!
//! The filter is told by Envoy on which of its ports a request arrived. A policy for another
//! would say nothing there, without a word; so the compiled policy says which port is which.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::str::FromStr;

use super::RenderError;
use crate::engine::expr::{Attribute, CelNode};
use crate::engine::policy::{CompiledPolicy, ObjectName, Policy, PortAlias, SafeInteger, Target};

/// `GATEWAY=ENVOY`: a port of the Gateway, and the one that Envoy takes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPair {
    gateway: u16,
    envoy: u16,
}

impl FromStr for PortPair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = |text: &str| text.parse().ok().filter(|port| *port != 0);
        let pair = text
            .split_once('=')
            .and_then(|(gateway, envoy)| port(gateway).zip(port(envoy)));
        let (gateway, envoy) =
            pair.ok_or("ports are given as `GATEWAY=ENVOY`, such as `443=10443`")?;
        Ok(Self { gateway, envoy })
    }
}

/// What listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// An Envoy of the operator's.
    Envoy,
    /// An Envoy with this one listener.
    Bootstrap(SocketAddr),
    /// A gateway of Istio's, whose service says it.
    Istio,
    /// A gateway of Envoy Gateway's.
    EnvoyGateway,
}

/// A compiled policy for a platform.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The policy, with the ports of the platform.
    pub policy: CompiledPolicy,
    /// What may not be as its author wants, a sentence each.
    pub warnings: Vec<String>,
}

/// SPEC: Envoy Gateway, `wellKnownPortShift`: ports below 1024 need a privilege that its
/// proxies do not have.
const PRIVILEGED: u64 = 1024;
const SHIFT: u64 = 10_000;

/// Says which of the platform's ports are which of the Gateway's; `said` goes before what is
/// known of the platform.
///
/// # Errors
/// When policies would be dead there, or two ports of the Gateway one of Envoy's.
pub fn placed(
    policy: &CompiledPolicy,
    platform: Platform,
    said: &[PortPair],
) -> Result<Placed, RenderError> {
    let ports = &Ports::of(policy);
    let mut warnings = Vec::new();
    let mut pairs: BTreeSet<(u64, u64)> = said
        .iter()
        .map(|pair| (pair.gateway.into(), pair.envoy.into()))
        .collect();
    let is_said = |port: u64| said.iter().any(|pair| u64::from(pair.gateway) == port);
    match platform {
        Platform::Envoy => {}
        Platform::Istio => warnings.extend(ports.unsaid(is_said)),
        Platform::EnvoyGateway => {
            let unsaid = ports.all().into_iter().filter(|port| !is_said(*port));
            pairs.extend(unsaid.map(|port| match port {
                1..PRIVILEGED => (port, port.saturating_add(SHIFT)),
                _ => (port, port),
            }));
            ports.known(!said.is_empty())?;
        }
        Platform::Bootstrap(listen) => {
            let listen = u64::from(listen.port());
            if let Some((_, envoy)) = pairs.iter().find(|(_, envoy)| *envoy != listen) {
                return Err(RenderError::NotListening(*envoy, listen));
            }
            if let Some(port) = ports.only(listen, &mut pairs)? {
                let dead: Vec<u64> = ports
                    .needed
                    .iter()
                    .copied()
                    .filter(|p| *p != port)
                    .collect();
                match (dead.is_empty(), is_said(port)) {
                    (true, _) => {}
                    (false, true) => warnings.push(format!(
                        "policies for {} of the Gateway are dead here: this Envoy is its port \
                         {port} only",
                        listed(&dead)
                    )),
                    (false, false) => return Err(RenderError::Dead { port, dead, listen }),
                }
            }
        }
    }
    let mut policy = policy.clone();
    policy.settings.ports = aliases(ports, &pairs)?;
    Ok(Placed {
        policy: policy.sealed(),
        warnings,
    })
}

/// The ports of a Gateway that matter to its policies.
struct Ports<'p> {
    /// Those that policies are for.
    needed: BTreeSet<u64>,
    /// Those of its listeners.
    listed: BTreeSet<u64>,
    /// A policy with an expression that reads the port.
    reader: Option<&'p ObjectName>,
}

impl<'p> Ports<'p> {
    fn of(policy: &'p CompiledPolicy) -> Self {
        let is_target = |name: &String| {
            let mut targets = policy.policies.iter().flat_map(|policy| &policy.targets);
            targets.any(|target| matches!(target, Target::Listener(known) if known == name))
        };
        let listeners = policy.listeners.iter();
        let targets = listeners.clone().filter(|found| is_target(&found.name));
        let rules = |policy: &'p Policy| policy.rules.iter().flatten();
        let http = policy.policies.iter().flat_map(rules);
        let http = http.filter_map(|rule| rule.http.as_ref()?.ports.as_ref());
        let reads = |policy: &&Policy| {
            let programs = policy.rules.iter().flatten();
            let mut nodes = programs
                .filter_map(|rule| rule.cel.as_ref())
                .flat_map(|cel| &cel.nodes);
            nodes.any(|node| matches!(node, CelNode::Fact(Attribute::DestinationPort)))
        };
        Self {
            needed: targets
                .map(|listener| listener.port)
                .chain(http.flatten().copied())
                .map(SafeInteger::get)
                .collect(),
            listed: listeners.map(|listener| listener.port.get()).collect(),
            reader: policy
                .policies
                .iter()
                .find(reads)
                .map(|found| &found.policy),
        }
    }

    fn all(&self) -> BTreeSet<u64> {
        self.needed.union(&self.listed).copied().collect()
    }

    /// Refuses an expression that reads a port which may be any of the Gateway's.
    fn known(&self, is_said: bool) -> Result<(), RenderError> {
        match self.reader {
            Some(policy) if self.listed.is_empty() && !is_said => {
                Err(RenderError::UnknownPorts(policy.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The port of the Gateway that the only listener is, where that matters.
    fn only(
        &self,
        listen: u64,
        pairs: &mut BTreeSet<(u64, u64)>,
    ) -> Result<Option<u64>, RenderError> {
        let all = self.all();
        let said = pairs.first().map(|(gateway, _)| *gateway);
        let is_its_own = all.contains(&listen).then_some(listen);
        let one = |ports: &BTreeSet<u64>| match ports.len() {
            1 => ports.first().copied(),
            _ => None,
        };
        let of_one = one(&self.listed).or_else(|| one(&all));
        if let Some(port) = said.or(is_its_own).or(of_one) {
            pairs.insert((port, listen));
            return Ok(Some(port));
        }
        self.known(false)?;
        if self.needed.is_empty() && self.reader.is_none() {
            return Ok(None);
        }
        let ports = all.into_iter().collect();
        Err(RenderError::WhichPort { ports, listen })
    }

    /// Warns of ports that the platform may have moved.
    fn unsaid(&self, is_said: impl Fn(u64) -> bool) -> Option<String> {
        let mut ports = self.needed.clone();
        if self.reader.is_some() {
            ports.extend(&self.listed);
        }
        let unsaid: Vec<u64> = ports
            .iter()
            .copied()
            .filter(|port| !is_said(*port))
            .collect();
        let what = match (unsaid.first(), self.reader) {
            (Some(_), _) => format!("policies are for {} of the Gateway", listed(&unsaid)),
            (None, Some(policy)) if ports.is_empty() => {
                format!("an expression of `{policy}` reads `destination.port`")
            }
            (None, _) => return None,
        };
        let port = unsaid.first().unwrap_or(&443);
        Some(format!(
            "{what}, and Envoy says the `targetPort` of the gateway's service: where that is \
             another, say `--port {port}=TARGET`, and `--port {port}={port}` where it is the same"
        ))
    }
}

/// The pairs that are no port under its own number.
fn aliases(ports: &Ports<'_>, pairs: &BTreeSet<(u64, u64)>) -> Result<Vec<PortAlias>, RenderError> {
    let mut taken: BTreeMap<u64, u64> = BTreeMap::new();
    let is_paired = |port: &u64| pairs.iter().any(|(gateway, _)| gateway == port);
    let others = ports.all().into_iter().filter(|port| !is_paired(port));
    let others = others.map(|port| (port, port));
    for (gateway, envoy) in pairs.iter().copied().chain(others) {
        match taken.insert(envoy, gateway) {
            Some(other) if other != gateway => {
                return Err(RenderError::OnePort(envoy, other, gateway));
            }
            _ => {}
        }
    }
    let moved = pairs.iter().filter(|(gateway, envoy)| gateway != envoy);
    Ok(moved
        .filter_map(|(gateway, envoy)| {
            Some(PortAlias {
                gateway: SafeInteger::new(*gateway)?,
                envoy: SafeInteger::new(*envoy)?,
            })
        })
        .collect())
}

/// `port 80`, `the ports 80, 443`.
pub(super) fn listed(ports: &[u64]) -> String {
    let numbers: Vec<String> = ports.iter().map(u64::to_string).collect();
    match numbers.as_slice() {
        [one] => format!("port {one}"),
        several => format!("the ports {}", several.join(", ")),
    }
}
