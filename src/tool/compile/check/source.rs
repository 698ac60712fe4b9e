//! Who a rule is about.

use crate::engine::policy::ObjectName;
use crate::tool::api::decode::{Located, Optional, Problem};
use crate::tool::api::source::{PolicySource, ServiceAccount, SourceType};

/// Who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tool::compile) enum SourceCaller {
    /// By SPIFFE ID.
    Spiffe(String),
    /// By service account, of the enforcement point's trust domain.
    ServiceAccount(ObjectName),
}

/// SECURITY: a source whose type and member do not fit must never be read as a
/// source that was left out, which is everybody.
///
/// `nobody` is what to do about one that is empty.
pub(super) fn check_source(
    source: &Located<PolicySource>,
    namespace: &str,
    nobody: &str,
    problems: &mut Vec<Problem>,
) -> Option<Located<SourceCaller>> {
    let PolicySource {
        kind,
        spiffe,
        service_account,
    } = &source.value;
    let (has_spiffe, has_account) = (spiffe.is_written(), service_account.is_written());
    let mut refuse = |message: String, help: &str| {
        problems.push(Problem::new(&source.at, message).help(help));
        None
    };
    let kind = match kind {
        Optional::Unreadable => return None,
        Optional::Given(kind) => Some(kind.value),
        Optional::Absent => None,
    };
    match (kind, has_spiffe, has_account) {
        (_, true, true) => refuse(
            "`source` has both `spiffe` and `serviceAccount`".to_owned(),
            "write one rule for each",
        ),
        (None, false, false) => refuse("`source` names nobody".to_owned(), nobody),
        (None, true, false) => refuse("`source` has no `type`".to_owned(), "add `type: SPIFFE`"),
        (None, false, true) => refuse(
            "`source` has no `type`".to_owned(),
            "add `type: ServiceAccount`",
        ),
        (Some(SourceType::Spiffe), false, _) => refuse(
            "the type of `source` is `SPIFFE`, and `spiffe` is missing".to_owned(),
            "add `spiffe: spiffe://...`, or change the type to the member that is given",
        ),
        (Some(SourceType::ServiceAccount), _, false) => refuse(
            "the type of `source` is `ServiceAccount`, and `serviceAccount` is missing".to_owned(),
            "add `serviceAccount: {name: ...}`, or change the type to the member that is given",
        ),
        (Some(SourceType::Spiffe), true, false) => {
            let spiffe = spiffe.given()?;
            Some(Located {
                value: SourceCaller::Spiffe(spiffe.value.clone()),
                at: spiffe.at.clone(),
            })
        }
        (Some(SourceType::ServiceAccount), false, true) => {
            let Located {
                value:
                    ServiceAccount {
                        name,
                        namespace: own,
                    },
                at,
            } = service_account.given()?;
            let namespace = own.clone().or(namespace.to_owned())?;
            let account = ObjectName {
                namespace,
                name: name.as_ref()?.value.clone(),
            };
            Some(Located {
                value: SourceCaller::ServiceAccount(account),
                at: at.clone(),
            })
        }
    }
}
