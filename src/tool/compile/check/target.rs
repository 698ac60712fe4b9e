//! What a policy is attached to.

use crate::engine::policy::ObjectName;
use crate::tool::api::decode::{Located, Optional, Problem};
use crate::tool::api::target::TargetRef;

/// What a policy is attached to.
#[derive(Debug, Clone)]
pub(in crate::tool::compile) enum Attachment {
    /// A Gateway.
    Gateway {
        gateway: ObjectName,
        /// The one listener; `None` is every listener.
        listener: Option<Located<String>>,
    },
    /// An XBackend.
    Backend(ObjectName),
}

/// The group and kind of each target that policies are enforced for.
const GATEWAY: (&str, &str) = ("gateway.networking.k8s.io", "Gateway");
const BACKEND: (&str, &str) = (crate::tool::api::GROUP, "XBackend");

pub(super) fn check_targets(
    refs: &[Located<TargetRef>],
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Located<Attachment>>> {
    let kinds = || refs.iter().filter_map(|target| target.value.kind.as_ref());
    if let Some(first) = kinds().next()
        && let Some(other) = kinds().find(|kind| kind.value != first.value)
    {
        let message = format!(
            "the targets are of two kinds, `{}` and `{}`",
            first.value, other.value
        );
        problems.push(
            Problem::new(&other.at, message)
                .help("write one policy for each kind")
                .related(first.at.span, "the first kind"),
        );
    }
    let targets: Vec<_> = refs
        .iter()
        .map(|target| check_target(target, namespace, problems))
        .collect();
    targets.into_iter().collect()
}

fn check_target(
    target: &Located<TargetRef>,
    namespace: &str,
    problems: &mut Vec<Problem>,
) -> Option<Located<Attachment>> {
    let TargetRef {
        group,
        kind,
        name,
        section_name,
    } = &target.value;
    let (group, kind) = group.as_ref().zip(kind.as_ref())?;
    let is_gateway = match (&*group.value, &*kind.value) {
        GATEWAY => true,
        BACKEND => false,
        (found, kind_name) => {
            let message =
                format!("targets of kind `{kind_name}` in group `{found}` are not enforced");
            let (at, help) = match [GATEWAY, BACKEND].iter().find(|known| known.1 == kind_name) {
                Some((right, _)) => (
                    &group.at,
                    format!("the group of `{kind_name}` is `{right}`"),
                ),
                None => (
                    &kind.at,
                    format!(
                        "`Gateway` of `{}`, or `XBackend` of `{}`",
                        GATEWAY.0, BACKEND.0
                    ),
                ),
            };
            problems.push(Problem::new(at, message).help(help));
            return None;
        }
    };
    let name = ObjectName {
        namespace: namespace.to_owned(),
        name: name.as_ref()?.value.clone(),
    };
    let value = match (is_gateway, section_name) {
        (_, Optional::Unreadable) => return None,
        (true, section) => Attachment::Gateway {
            gateway: name,
            listener: section.given().cloned(),
        },
        (false, Optional::Absent) => Attachment::Backend(name),
        (false, Optional::Given(section)) => {
            problems.push(
                Problem::new(&section.at, "an XBackend has no sections")
                    .help("a `sectionName` names a listener of a Gateway"),
            );
            return None;
        }
    };
    Some(Located {
        value,
        at: target.at.clone(),
    })
}
