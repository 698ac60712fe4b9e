//! What annotations of ours add to a policy.
//!
//! SECURITY: one that is not known is refused, because a misspelt `Deny` would allow.

use crate::engine::policy::{Action, Mode};
use crate::tool::api::decode::{Located, Optional, Problem, closest};
use crate::tool::api::metadata::{Annotation, Metadata};

/// The prefix of the annotations that are ours.
const PREFIX: &str = "accesspolicy/";

const MODE: &str = "accesspolicy/mode";
const ACTION: &str = "accesspolicy/action";
const ORDER: &str = "accesspolicy/order";
const KNOWN: [&str; 3] = [MODE, ACTION, ORDER];

/// What stands before the same words where somebody means ours: nothing, or the API's group.
const PREFIXES: [&str; 4] = [
    "",
    "agentic.networking.x-k8s.io",
    "agentic.networking.k8s.io",
    "gateway.networking.k8s.io",
];

/// The last place among policies that ask.
const LAST: u32 = 1_000_000;

/// What annotations say of a policy.
#[derive(Debug, Clone, Default)]
pub(in crate::tool::compile) struct Extensions {
    /// `accesspolicy/mode`
    pub(in crate::tool::compile) mode: Option<Located<Mode>>,
    /// `accesspolicy/action`, which takes the place of `spec.action: Allow`.
    pub(in crate::tool::compile) action: Option<Located<Action>>,
    /// `accesspolicy/order`: the place among policies that ask.
    pub(in crate::tool::compile) order: Option<Located<u32>>,
}

impl Extensions {
    /// What a match means.
    pub(in crate::tool::compile) fn action(&self) -> Action {
        self.action.as_ref().map_or(Action::Allow, |at| at.value)
    }

    /// Refuses a place where nobody is asked.
    pub(super) fn refuse_order(&self, problems: &mut Vec<Problem>) {
        problems.extend(self.order.as_ref().map(|order| {
            let message = format!("`{ORDER}` is given, and the policy asks nobody");
            Problem::new(&order.at, message).help("leave it out: only what asks has an order")
        }));
    }

    /// Whether the policy is enforced.
    pub(in crate::tool::compile) fn mode(&self) -> Mode {
        self.mode.as_ref().map_or(Mode::Enforce, |at| at.value)
    }
}

/// Reads the annotations that are ours.
pub(in crate::tool::compile) fn check_extensions(
    metadata: &Metadata,
    problems: &mut Vec<Problem>,
) -> Extensions {
    let Metadata {
        name: _,
        namespace: _,
        annotations,
        labels,
    } = metadata;
    let labels = labels.given().map(|given| given.value.as_slice());
    let labels = labels.unwrap_or_default().iter().map(|label| &label.key);
    problems.extend(labels.filter(|key| is_ours(&key.value)).map(|key| {
        let message = format!("`{}` is a label, and labels say nothing here", key.value);
        Problem::new(&key.at, message).help("write it under `annotations`")
    }));
    let annotations = annotations.given().map(|given| given.value.as_slice());
    let mut extensions = Extensions::default();
    for Annotation { key, value } in annotations.unwrap_or_default() {
        match (key.value.as_str(), value.as_str()) {
            (MODE, "Audit") => extensions.mode = Some(located(key, Mode::Audit)),
            (MODE, "Enforce") => extensions.mode = Some(located(key, Mode::Enforce)),
            (MODE, other) => problems.push(
                Problem::new(&key.at, format!("`{MODE}` is `{other}`"))
                    .help("`Audit` reports and changes nothing; `Enforce` is the default"),
            ),
            (ACTION, "Deny") => extensions.action = Some(located(key, Action::Deny)),
            (ACTION, other) => problems.push(
                Problem::new(&key.at, format!("`{ACTION}` is `{other}`"))
                    .help("`Deny` refuses what the rules match; without it they allow"),
            ),
            (ORDER, text) => match order(text) {
                Some(place) => extensions.order = Some(located(key, place)),
                None => problems.push(
                    Problem::new(&key.at, format!("`{ORDER}` is `{text}`")).help(format!(
                        "a whole number from 0 to {LAST}: the least asks first"
                    )),
                ),
            },
            (name, _) if is_ours(name) => problems.push(unknown(key)),
            _ => {}
        }
    }
    extensions
}

/// What is nearly an annotation of ours, by its last word and its value: nothing reads it.
pub(in crate::tool::compile) fn unread(
    metadata: &Metadata,
    extensions: &Extensions,
) -> Vec<Problem> {
    let unread = |Annotation { key, value }: &Annotation, is_label: bool| {
        let (prefix, name) = key.value.rsplit_once('/').unwrap_or(("", &key.value));
        // By labels and plain words people sort what they have.
        let is_plain = is_label || prefix.is_empty();
        let is_near = PREFIXES.contains(&prefix);
        let is_value = |known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(value));
        let ours = match name.to_ascii_lowercase().as_str() {
            "action" if extensions.action.is_none() && is_value(&["Deny"]) => ACTION,
            "mode" if !is_label && extensions.mode.is_none() && is_value(&["Audit", "Enforce"]) => {
                MODE
            }
            "order" if !is_plain && extensions.order.is_none() && order(value).is_some() => ORDER,
            _ => return None,
        };
        is_near.then(|| {
            let message = format!("`{}` says nothing here", key.value);
            let help = format!("did you mean the annotation `{ours}`?");
            Problem::new(&key.at, message).help(help)
        })
    };
    let of = |list: &Optional<Vec<Annotation>>, is_label: bool| -> Vec<Problem> {
        let given = list.given().map(|given| given.value.as_slice());
        let given = given.unwrap_or_default().iter();
        given.filter_map(|item| unread(item, is_label)).collect()
    };
    let (annotations, labels) = (&metadata.annotations, &metadata.labels);
    [of(annotations, false), of(labels, true)].concat()
}

fn order(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let place = text.parse().ok().filter(|_| is_number);
    place.filter(|place| *place <= LAST)
}

fn located<T>(key: &Located<String>, value: T) -> Located<T> {
    Located {
        value,
        at: key.at.clone(),
    }
}

/// Whether somebody means one of ours: the prefix, or nearly the whole of one.
fn is_ours(name: &str) -> bool {
    let front = name.get(..PREFIX.len());
    front.is_some_and(|front| front.eq_ignore_ascii_case(PREFIX)) || closest(name, KNOWN).is_some()
}

fn unknown(key: &Located<String>) -> Problem {
    let message = format!("the annotation `{}` is not known", key.value);
    Problem::new(&key.at, message).help(match closest(&key.value, KNOWN) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are `{MODE}`, `{ACTION}` and `{ORDER}`"),
    })
}
