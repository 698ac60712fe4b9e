//! What a policy's targets are at an enforcement point.
//!
//! SECURITY: a policy for another gateway is none of ours. One whose target is misspelt
//! looks like that too, and leaves open what it is to protect: the near misses are told
//! apart, and warned of.

use super::check::Attachment;
use super::enforcement_point::EnforcementPoint;
use crate::engine::policy::{ObjectName, Target};
use crate::tool::api::decode::{FieldPlace, Located, Problem, closest};

/// What a target is at an enforcement point.
pub(super) enum Resolved {
    /// It is there.
    Here(Target),
    /// It is for somebody else; what is said of it.
    Elsewhere(Problem),
    /// It is nearly there: a slip of the hand, here or in the enforcement point.
    Misspelt(Problem),
    /// It should be there, and is not.
    Nowhere(Problem),
}

pub(super) fn resolve(target: &Located<Attachment>, point: &EnforcementPoint) -> Resolved {
    let Located { value, at } = target;
    let this = &point.gateway.value;
    match value {
        Attachment::Gateway { gateway, .. } if gateway != this => {
            let message = format!("skipped the target Gateway `{gateway}`: this is `{this}`");
            skipped(message, at, gateway, [&point.gateway])
        }
        Attachment::Gateway {
            listener: Some(listener),
            ..
        } => {
            let name = &listener.value;
            match point.listeners.iter().any(|known| known.name == *name) {
                true => Resolved::Here(Target::Listener(name.clone())),
                false => Resolved::Nowhere(unknown_listener(listener, point)),
            }
        }
        Attachment::Gateway { listener: None, .. } => Resolved::Here(Target::Gateway),
        Attachment::Backend(backend) if point.backends.iter().any(|b| b.backend == *backend) => {
            Resolved::Here(Target::Backend(backend.clone()))
        }
        Attachment::Backend(backend) => {
            let message = format!(
                "skipped the target XBackend `{backend}`: the enforcement point does not list it"
            );
            skipped(message, at, backend, &point.backend_names)
        }
    }
}

fn skipped<'k>(
    message: String,
    at: &FieldPlace,
    name: &ObjectName,
    known: impl IntoIterator<Item = &'k Located<ObjectName>>,
) -> Resolved {
    let problem = Problem::new(at, message);
    let mut known = known.into_iter();
    let Some(meant) = known.find(|known| is_near_miss(name, &known.value)) else {
        return Resolved::Elsewhere(problem);
    };
    let help = match (name, &meant.value) {
        (ObjectName { namespace, .. }, meant) if *namespace == meant.namespace => {
            format!("did you mean `{}`?", meant.name)
        }
        (_, meant) => format!("did you mean `{meant}`?"),
    };
    let there = format!("the enforcement point has `{}`", meant.value);
    Resolved::Misspelt(problem.help(help).related(meant.at.span, there))
}

/// Whether one name is most likely meant to be the other.
fn is_near_miss(name: &ObjectName, known: &ObjectName) -> bool {
    is_near(&name.namespace, &known.namespace) && is_near(&name.name, &known.name)
}

/// Whether two names are the same, or a slip of the hand apart in each word. What is
/// numbered, or told apart by a word of its own (`edge-1` and `edge-2`, `shop-eu` and
/// `shop-us`), is meant to be two.
pub(super) fn is_near(one: &str, other: &str) -> bool {
    let words = |text: &str| -> Vec<String> { text.split(['-', '.']).map(str::to_owned).collect() };
    let (words, others) = (words(one), words(other));
    if words.len() != others.len() {
        return closest(one, [other]).is_some();
    }
    let unnumbered = |word: &str| word.replace(|letter: char| letter.is_ascii_digit(), "");
    let is_slip = |word: &str, other: &str| {
        let is_short = word.len().max(other.len()) < 3;
        !is_short && unnumbered(word) != unnumbered(other) && closest(word, [other]).is_some()
    };
    let mut pairs = words.iter().zip(&others);
    pairs.all(|(word, other)| word == other || is_slip(word, other))
}

/// SECURITY: a listener that is not listed may be one that is misspelt, and what the
/// policy protects would be open.
fn unknown_listener(listener: &Located<String>, point: &EnforcementPoint) -> Problem {
    let Located { value: name, at } = listener;
    let message = format!("the enforcement point lists no listener `{name}`");
    let known: Vec<String> = point
        .listeners
        .iter()
        .map(|listener| format!("`{}`", listener.name))
        .collect();
    let help = match known.as_slice() {
        [] => {
            format!("add `listeners: [{{name: {name}, port: ...}}]` to the enforcement point file")
        }
        known => format!("it lists {}", known.join(", ")),
    };
    Problem::new(at, message).help(help)
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn slips_are_near() {
        for (one, other) in [
            ("egde", "edge"),
            ("stroe", "store"),
            ("storee", "store"),
            ("my-egde", "my-edge"),
            ("myedge", "my-edge"),
        ] {
            assert!(is_near(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_meant_to_be_two_is_not() {
        for (one, other) in [
            ("edge-1", "edge-2"),
            ("shop-eu", "shop-us"),
            ("edge-int", "edge-ext"),
            ("east", "west"),
            ("edge", "edge2"),
            ("a", "b"),
            ("edge", "prod"),
        ] {
            assert!(!is_near(one, other), "{one} {other}");
        }
    }
}
