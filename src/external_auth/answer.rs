//! What an authorizer's answer means, whichever protocol it came by.

/// What an answer means for the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The authorizer lets it go on, changed like this.
    Allow(Changes),
    /// It does not, and the client is to be told this.
    Refuse(Reply),
    /// There is no answer that says either.
    Error(AskError),
}

/// A header: name and value, byte for byte.
pub type Header = (Vec<u8>, Vec<u8>);

/// What an authorizer wants changed; what of it is carried out,
/// [`Obligations`](super::Obligations) say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Request headers that take the place of what the client sent.
    pub set: Vec<Header>,
    /// Request headers besides what the client sent.
    pub append: Vec<Header>,
    /// Request headers that the server is not to see.
    pub remove: Vec<Vec<u8>>,
    /// Headers besides those of the server's response.
    pub response_add: Vec<Header>,
    /// Headers that take the place of the server's.
    pub response_set: Vec<Header>,
    /// Query parameters that take the place of the client's.
    pub query_set: Vec<(String, String)>,
    /// Query parameters that the server is not to see.
    pub query_remove: Vec<String>,
}

impl Changes {
    /// How many changes there are.
    pub(super) fn count(&self) -> usize {
        let Self {
            set,
            append,
            remove,
            response_add,
            response_set,
            query_set,
            query_remove,
        } = self;
        let lines = [
            set.len(),
            append.len(),
            response_add.len(),
            response_set.len(),
        ];
        let others = [remove.len(), query_set.len(), query_remove.len()];
        let all = lines.into_iter().chain(others);
        all.fold(0, usize::saturating_add)
    }

    /// Whether something about the request is to change, and not only about the response.
    pub(super) const fn is_of_request(&self) -> bool {
        let Self {
            set,
            append,
            remove,
            response_add: _,
            response_set: _,
            query_set,
            query_remove,
        } = self;
        !(set.is_empty()
            && append.is_empty()
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AskError {
    /// The authorizer could not be reached, or broke off.
    Unavailable,
    /// It took too long.
    Timeout,
    /// It failed, with this status.
    ServerError(u16),
    /// Its answer is longer than what is read.
    TooLarge,
    /// Its answer is none.
    Unreadable,
}

impl AskError {
    /// The kind in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "it could not be reached",
            Self::Timeout => "it did not answer in time",
            Self::ServerError(_) => "it failed",
            Self::TooLarge => "its answer is too long",
            Self::Unreadable => "its answer is not readable",
        }
    }
}
