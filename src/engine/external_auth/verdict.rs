//! What an authorizer's answer means, whichever protocol it came by.

/// What an answer means for the request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // there is one at a time, taken apart at once
pub enum CalloutVerdict {
    /// The authorizer lets it go on, changed like this.
    Allow(RequestedChanges),
    /// It does not, and the client is to be told this.
    Deny(Reply),
    /// There is no answer that says either.
    Error(CalloutError),
}

/// A header: name and value, byte for byte.
pub type Header = (Vec<u8>, Vec<u8>);

/// What an authorizer wants changed; what of it is carried out,
/// [`Obligations`](super::Obligations) say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestedChanges {
    /// Request headers that take the place of what the client sent.
    pub set: Vec<Header>,
    /// Request headers besides what the client sent.
    pub append: Vec<Header>,
    /// Request headers for where the client sent none of their name.
    pub add_if_absent: Vec<Header>,
    /// Request headers that take the place of what the client sent, if it sent any.
    pub set_if_there: Vec<Header>,
    /// Request headers that the server is not to see.
    pub remove: Vec<Vec<u8>>,
    /// Headers besides those of the server's response.
    pub response_add: Vec<Header>,
    /// Headers that take the place of the server's.
    pub response_set: Vec<Header>,
    /// Headers for where the server's response has none of their name.
    pub response_add_if_absent: Vec<Header>,
    /// Headers that take the place of the server's, if it has any.
    pub response_set_if_there: Vec<Header>,
    /// Query parameters that take the place of the client's.
    pub query_set: Vec<(String, String)>,
    /// Query parameters that the server is not to see.
    pub query_remove: Vec<String>,
}

impl RequestedChanges {
    /// How many changes there are.
    pub(super) fn count(&self) -> usize {
        let Self {
            set,
            append,
            add_if_absent,
            set_if_there,
            remove,
            response_add,
            response_set,
            response_add_if_absent,
            response_set_if_there,
            query_set,
            query_remove,
        } = self;
        let lines = [
            set.len(),
            append.len(),
            add_if_absent.len(),
            set_if_there.len(),
            response_add.len(),
            response_set.len(),
            response_add_if_absent.len(),
            response_set_if_there.len(),
        ];
        let others = [remove.len(), query_set.len(), query_remove.len()];
        let all = lines.into_iter().chain(others);
        all.fold(0, usize::saturating_add)
    }

    /// How many bytes their names and values have.
    pub(super) fn bytes(&self) -> usize {
        let Self {
            set,
            append,
            add_if_absent,
            set_if_there,
            remove,
            response_add,
            response_set,
            response_add_if_absent,
            response_set_if_there,
            query_set,
            query_remove,
        } = self;
        let lines = [
            set,
            append,
            add_if_absent,
            set_if_there,
            response_add,
            response_set,
            response_add_if_absent,
            response_set_if_there,
        ];
        let lines = lines.into_iter().flatten();
        let lines = lines.map(|(name, value)| name.len().saturating_add(value.len()));
        let query = query_set.iter();
        let query = query.map(|(name, value)| name.len().saturating_add(value.len()));
        let names = remove.iter().map(Vec::len);
        let names = names.chain(query_remove.iter().map(String::len));
        lines
            .chain(query)
            .chain(names)
            .fold(0, usize::saturating_add)
    }

    /// Whether something about the request is to change, and not only about the response.
    pub(super) const fn is_of_request(&self) -> bool {
        let Self {
            set,
            append,
            add_if_absent,
            set_if_there,
            remove,
            response_add: _,
            response_set: _,
            response_add_if_absent: _,
            response_set_if_there: _,
            query_set,
            query_remove,
        } = self;
        !(set.is_empty()
            && append.is_empty()
            && add_if_absent.is_empty()
            && set_if_there.is_empty()
            && remove.is_empty()
            && query_set.is_empty()
            && query_remove.is_empty())
    }
}

/// What a client is told whom an authorizer refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, as the authorizer sent them.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A refusal of an authorizer's that says nothing else.
    pub(super) const fn forbidden() -> Self {
        Self {
            status: 403,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// Why there is no answer that says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CalloutError {
    /// No connection to the authorizer could be made.
    #[error("{}", self.as_str())]
    Unavailable,
    /// It took too long.
    #[error("{}", self.as_str())]
    Timeout,
    /// It failed, with this HTTP status.
    #[error("{kind} ({0})", kind = self.as_str())]
    ServerError(u16),
    /// The call failed with this gRPC status.
    #[error("{kind} (gRPC status {0})", kind = self.as_str())]
    Status(u32),
    /// The host made no call: too many are open to the authorizer, or it has no address.
    /// Which of these it is, the host does not say.
    #[error("{}", self.as_str())]
    NotCalled,
    /// The connection was made, and broke off before there was an answer.
    #[error("{}", self.as_str())]
    BrokenOff,
    /// Its answer is longer than what is read.
    #[error("{}", self.as_str())]
    TooLarge,
    /// Its answer is none.
    #[error("{}", self.as_str())]
    Unreadable,
}

impl CalloutError {
    /// Whether the authorizer is out of order, so that requests may go on without its
    /// answer where the enforcement point says so.
    ///
    /// SECURITY: with `onError: Allow`, whoever can make a call fail gets past the
    /// authorizer. A client can: by many calls at once, by a request that the authorizer
    /// does not implement, and by one on which it dies. So errors open nothing but those
    /// that say of themselves that nobody was there to be asked.
    pub const fn is_outage(self) -> bool {
        match self {
            Self::Unavailable | Self::Timeout => true,
            Self::ServerError(status) => matches!(status, 502..=504),
            Self::Status(_)
            | Self::NotCalled
            | Self::BrokenOff
            | Self::TooLarge
            | Self::Unreadable => false,
        }
    }

    /// The kind in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "it could not be reached",
            Self::Timeout => "it did not answer in time",
            Self::ServerError(_) | Self::Status(_) => "it failed",
            Self::NotCalled => "Envoy made no call: too many are open, or nobody is there",
            Self::BrokenOff => "it broke off",
            Self::TooLarge => "its answer is too long",
            Self::Unreadable => "its answer is not readable",
        }
    }

    /// The kind in one word, for metrics.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::ServerError(_) | Self::Status(_) => "failed",
            Self::NotCalled => "not_called",
            Self::BrokenOff => "broken_off",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What the host says when it could not get an answer itself, by the reason that it names.
///
/// `None` for words that are not its own. Seen on Envoy 1.40, and the same in its source
/// since 1.36 (`Http::Utility::resetReasonToString`); gRPC calls have details in braces
/// behind.
pub(super) fn host_failure(words: &str) -> Option<CalloutError> {
    if words.starts_with("upstream request timeout") {
        return Some(CalloutError::Timeout);
    }
    let rest = words.strip_prefix("upstream connect error or disconnect/reset before headers. ")?;
    let rest = rest.strip_prefix("retried and the latest ").unwrap_or(rest);
    let reason = rest.strip_prefix("reset reason: ").unwrap_or_default();
    let reason = reason.split([',', '{']).next().unwrap_or_default();
    Some(match reason {
        "connection failure"
        | "local connection failure"
        | "remote connection failure"
        | "connection timeout" => CalloutError::Unavailable,
        "overflow" => CalloutError::NotCalled,
        _ => CalloutError::BrokenOff,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_says_of_a_call() {
        let reset = |reason: &str| {
            format!("upstream connect error or disconnect/reset before headers. {reason}")
        };
        let failure = |words: &str| host_failure(words);
        for (words, error) in [
            (
                "reset reason: remote connection failure",
                CalloutError::Unavailable,
            ),
            (
                "reset reason: remote connection failure, transport failure reason: TLS_error",
                CalloutError::Unavailable,
            ),
            (
                "reset reason: connection timeout{upstream_reset_before_response_started{x}}",
                CalloutError::Unavailable,
            ),
            (
                "retried and the latest reset reason: local connection failure",
                CalloutError::Unavailable,
            ),
            ("reset reason: overflow{overflow}", CalloutError::NotCalled),
            (
                "reset reason: connection termination",
                CalloutError::BrokenOff,
            ),
            ("reset reason: remote reset", CalloutError::BrokenOff),
            ("reset reason: protocol error", CalloutError::BrokenOff),
            (
                "reset reason: remote connection failures",
                CalloutError::BrokenOff,
            ),
            ("reset reason: ", CalloutError::BrokenOff),
            ("", CalloutError::BrokenOff),
        ] {
            assert_eq!(failure(&reset(words)), Some(error), "{words}");
        }
        assert_eq!(
            failure("upstream request timeout{response_timeout}"),
            Some(CalloutError::Timeout)
        );
        for other in ["", "no", "a upstream request timeout", "connection timeout"] {
            assert_eq!(failure(other), None, "{other}");
        }
    }

    #[test]
    fn only_outages_open() {
        for error in [CalloutError::Unavailable, CalloutError::Timeout] {
            assert!(error.is_outage(), "{error}");
        }
        for status in 500..=599 {
            let is_outage = CalloutError::ServerError(status).is_outage();
            assert_eq!(is_outage, (502..=504).contains(&status), "{status}");
        }
        for error in [
            CalloutError::Status(13),
            CalloutError::NotCalled,
            CalloutError::BrokenOff,
            CalloutError::TooLarge,
            CalloutError::Unreadable,
        ] {
            assert!(!error.is_outage(), "{error}");
        }
    }
}
