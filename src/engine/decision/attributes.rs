//! What a request answers to the expressions of rules.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Deref;

use crate::engine::expr::{
    Attribute, AttributeValue, Attributes, EvalError, Reading, ReadingKind, Timestamp,
};
use crate::engine::json::{RawValue, trimmed};
use crate::engine::mcp::{Call, Method, Object};
use crate::engine::request::{DerivedPath, Operation, Request, RequestPath, query_readings};
use crate::engine::uri;

use super::access::Access;
use super::attribute_cache::{AttributeCache, Readings};

/// The header that names the session.
const SESSION: &str = "mcp-session-id";

/// The header that names the request.
const REQUEST_ID: &str = "x-request-id";

/// A request, and the one thing of those it acts on that is being judged.
pub(super) struct RequestAttributes<'a, 'c> {
    request: &'c Request<'a>,
    operation: Operation<'a>,
    thing: Option<Object<'a>>,
    params: &'c OnceCell<Option<&'a [u8]>>,
    known: &'c AttributeCache<'a>,
    /// The readings of the thing, once they were asked for.
    of_thing: OnceCell<Readings>,
}

impl<'a, 'c> RequestAttributes<'a, 'c> {
    /// `params` remembers where the parameters are from one expression to the next, and
    /// `known` what else was found out about the request.
    pub(super) fn new(
        request: &'c Request<'a>,
        act: &Access<'a>,
        params: &'c OnceCell<Option<&'a [u8]>>,
        known: &'c AttributeCache<'a>,
    ) -> Self {
        Self {
            request,
            operation: act.operation(request.operation),
            thing: act.thing,
            params,
            known,
            of_thing: OnceCell::new(),
        }
    }

    fn call(&self) -> Option<Call<'a>> {
        match self.operation {
            Operation::Message(message) => message.call(),
            _ => None,
        }
    }

    fn params(&self) -> Option<&'a [u8]> {
        let find = || {
            let message = RawValue::new(self.request.body);
            let mut members = message.members();
            let (_, value) = members.find(|(key, _)| key.string().as_deref() == Some("params"))?;
            Some(value.text())
        };
        *self.params.get_or_init(find)
    }

    /// A header of Envoy's own, which comes once.
    fn only(&self, name: &str) -> Option<&'a [u8]> {
        self.request.http.only(name)
    }

    /// SECURITY: what servers read as several paths is not one of them, and a path has other
    /// escapes than it needs for nobody's good.
    fn path(&self) -> Option<RequestPath<'a>> {
        let path = self.known.head.path();
        let path = path
            .filter(|path| !path.is_ambiguous() && !path.is_behind_script() && path.is_canonical());
        path.map(DerivedPath::path)
    }

    /// The other readings of the path, with each of those of what follows it.
    fn paths(&self, rests: &[Vec<u8>]) -> Result<Vec<Reading>, EvalError> {
        let Some(path) = self.path() else {
            return Ok(Vec::new());
        };
        let lower = path.as_bytes().to_ascii_lowercase();
        let readings = path.readings().ok_or(EvalError::Exhausted)?.into_iter();
        let readings = readings.filter(|reading| *reading != lower);
        let texts = std::iter::once(lower.clone()).chain(readings);
        let spelt = path.as_bytes();
        // The first of what may follow is what does.
        let others = rests.iter().skip(1);
        let others = others.map(|rest| reading(&[spelt, rest].concat(), ReadingKind::Spelling));
        let mut all: Vec<Reading> = others.collect();
        let mut left = READ;
        for text in texts {
            let is_lower = !text.iter().any(u8::is_ascii_uppercase);
            for rest in rests {
                let text = [&*text, rest].concat();
                left = left.checked_sub(text.len()).ok_or(EvalError::Exhausted)?;
                if is_lower {
                    all.push(reading(&text.to_ascii_lowercase(), ReadingKind::LowerCase));
                }
                // Also as it is: only its path has lost its case, and what it is compared
                // with may have one.
                all.push(reading(&text, ReadingKind::Spelling));
            }
        }
        Ok(all)
    }

    /// What stands behind the path, as it is spelt and then as it may be.
    fn behind_path(&self) -> Result<Vec<Vec<u8>>, EvalError> {
        let rest = self.rest();
        let mut all = vec![rest.to_vec()];
        if let Some(query) = rest.strip_prefix(b"?") {
            let readings = query_readings(query)
                .ok_or(EvalError::Exhausted)?
                .into_iter();
            all.extend(readings.map(|reading| [b"?", &*reading].concat()));
        }
        Ok(all)
    }

    /// The other spellings of the query.
    fn queries(&self) -> Result<Vec<Reading>, EvalError> {
        let query = self.known.head.query().unwrap_or_default();
        let readings = query_readings(query).ok_or(EvalError::Exhausted)?;
        let readings = readings.iter();
        let readings = readings.map(|text| reading(text, ReadingKind::Spelling));
        Ok(readings.collect())
    }

    /// What stands behind the path.
    fn rest(&self) -> &'a [u8] {
        let path = self
            .known
            .head
            .path()
            .map_or(0, |path| path.path().as_bytes().len());
        let target = self.only(":path").unwrap_or_default();
        target
            .get(path..)
            .filter(|rest| *rest != b"?")
            .unwrap_or_default()
    }

    /// The methods that may take the place of the one that was sent.
    fn methods(&self) -> Result<Vec<Reading>, EvalError> {
        let mut methods = Vec::new();
        if self.request.http.runs_get() {
            methods.push(reading(b"GET", ReadingKind::Spelling));
        }
        let overriding = self.known.head.overriding_methods();
        for method in overriding.ok_or(EvalError::Ambiguous)? {
            let method = reading(method, ReadingKind::Instead);
            if !methods.contains(&method) {
                methods.push(method);
            }
            if methods.len() > METHODS {
                return Err(EvalError::Ambiguous);
            }
        }
        Ok(methods)
    }

    /// What else servers may take the thing for.
    fn of_thing(&self) -> Readings {
        let Some(thing) = self.thing else {
            return Ok([].into());
        };
        self.known.of_thing(thing, &|| {
            Ok(match thing {
                Object::Resource(uri) => uris(uri),
                Object::Tool(name) | Object::Prompt(name) => names(name),
                Object::Task(_) => Vec::new(),
            })
        })
    }

    fn session(&self) -> Option<&'a [u8]> {
        match self.operation {
            Operation::Http => None,
            // SECURITY: of several, or of names that are alike, servers differ in the one
            // that they take.
            _ if self.request.http.has_several(SESSION) => None,
            _ => self.only(SESSION),
        }
    }

    /// The namespace and name of the service account that a SPIFFE ID stands for.
    fn service_account(&self) -> Option<(&'a str, &'a str)> {
        let (_, path) = self.spiffe_id()?;
        let path = path.strip_prefix("ns/")?;
        let (namespace, rest) = path.split_once('/')?;
        let name = rest.strip_prefix("sa/")?;
        let is_whole = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
        is_whole.then_some((namespace, name))
    }

    /// The trust domain and the path.
    fn spiffe_id(&self) -> Option<(&'a str, &'a str)> {
        let id = self.request.caller.spiffe_id()?;
        let rest = id.strip_prefix("spiffe://")?;
        Some(rest.split_once('/').unwrap_or((rest, "")))
    }
}

/// How many methods that override another one are looked at.
const METHODS: usize = 8;

/// How much of other readings of a path with its query is looked at, in bytes.
const READ: usize = 512 << 10;

/// The other forms of a uri, with a slash at the end and without.
fn uris(uri: &str) -> Vec<Reading> {
    let forms = uri::asked(uri).into_iter();
    let forms = forms.flat_map(|form| {
        let mut below = form.clone();
        below.push('/');
        [form, below]
    });
    let kind = match (uri::goes_back(uri), uri::is_unsure(uri)) {
        (true, _) => ReadingKind::AnyUri,
        (false, true) => ReadingKind::AnyHost,
        (false, false) => ReadingKind::Uri,
    };
    forms.map(|text| Reading { text, kind }).collect()
}

/// The other name of a tool or prompt, to who trims it.
fn names(name: &str) -> Vec<Reading> {
    let trimmed = trimmed(name);
    let trimmed = trimmed.map(|name| reading(name.as_bytes(), ReadingKind::Spelling));
    trimmed.into_iter().collect()
}

fn reading(text: &[u8], kind: ReadingKind) -> Reading {
    Reading {
        text: String::from_utf8_lossy(text).into_owned(),
        kind,
    }
}

impl<'a, 'c> Attributes for RequestAttributes<'a, 'c> {
    fn fact(&self, fact: Attribute) -> Option<AttributeValue<'_>> {
        let text = |text: &'a str| AttributeValue::Text(Cow::Borrowed(text.as_bytes()));
        let bytes = |bytes| AttributeValue::Text(Cow::Borrowed(bytes));
        match fact {
            Attribute::Method => self.request.http.method().map(bytes),
            Attribute::Path => self.path().and_then(|_| self.only(":path")).map(bytes),
            Attribute::UrlPath => self.path().map(|path| bytes(path.as_bytes())),
            // SECURITY: another case, a port or a dot at the end is the same host to servers.
            Attribute::Host => {
                let authority = self.only(":authority")?;
                let host = self.known.head.host()?;
                (host.as_bytes() == authority).then(|| bytes(authority))
            }
            Attribute::Hostname => {
                let host = self.known.head.host();
                host.map(|host| AttributeValue::Text(Cow::Borrowed(host.as_bytes())))
            }
            // SECURITY: of the connection; what `:scheme` says is the client's.
            Attribute::Scheme => self.request.scheme.map(|scheme| text(scheme.as_str())),
            Attribute::Query => self.known.head.query().map(bytes),
            // Asked for by name.
            Attribute::Headers => None,
            Attribute::Time => self
                .request
                .time
                .and_then(Timestamp::from_nanos)
                .map(AttributeValue::Time),
            Attribute::Id => self.only(REQUEST_ID).map(bytes),
            Attribute::Size => {
                let size = self.request.size.and_then(|size| i64::try_from(size).ok());
                size.map(AttributeValue::Int)
            }
            Attribute::McpMethod => self.call().map(|call| text(call.name)),
            Attribute::ToolName => match self.thing? {
                Object::Tool(name) => Some(text(name)),
                _ => None,
            },
            Attribute::PromptName => match self.thing? {
                Object::Prompt(name) => Some(text(name)),
                _ => None,
            },
            Attribute::ResourceUri => match self.thing? {
                Object::Resource(uri) => Some(text(uri)),
                _ => None,
            },
            // SECURITY: what they are to a method that no version knows, nobody can say.
            Attribute::Params => {
                let call = self.call().filter(|call| call.unknown.is_none());
                call.and_then(|_| self.params()).map(AttributeValue::Json)
            }
            Attribute::McpId => match self.operation {
                Operation::Message(message) => {
                    message.id().map(|id| AttributeValue::Json(id.token()))
                }
                _ => None,
            },
            Attribute::SessionId => self.session().map(bytes),
            Attribute::SpiffeId => self.request.caller.spiffe_id().map(text),
            Attribute::TrustDomain => self.spiffe_id().map(|(domain, _)| text(domain)),
            Attribute::Namespace => self.service_account().map(|(namespace, _)| text(namespace)),
            Attribute::ServiceAccount => self.service_account().map(|(_, name)| text(name)),
            Attribute::Authenticated => Some(AttributeValue::Bool(
                self.request.caller.spiffe_id().is_some(),
            )),
            Attribute::SourceAddress => self.request.address.map(text),
            Attribute::DestinationPort => {
                let port = self.request.http.port();
                port.and_then(|port| i64::try_from(port).ok())
                    .map(AttributeValue::Int)
            }
        }
    }

    /// SECURITY: a fact that is withheld because it is ambiguous is not absent, so that
    /// neither `has` nor `!has` may be true of it.
    fn is_there(&self, fact: Attribute) -> Result<bool, EvalError> {
        let http = &self.request.http;
        let is_withheld = match fact {
            _ if self.fact(fact).is_some() => return Ok(true),
            Attribute::Path | Attribute::UrlPath => http.has(":path"),
            Attribute::Host | Attribute::Hostname => http.has(":authority") || http.names_host(),
            Attribute::SessionId => http.has_several(SESSION),
            Attribute::Id => http.has_several(REQUEST_ID),
            // Of a body that is not read its end is not known.
            Attribute::Size => true,
            // What it may act on, should it call a tool.
            Attribute::ToolName
            | Attribute::PromptName
            | Attribute::ResourceUri
            | Attribute::Params => self.call().is_some_and(|call| call.unknown.is_some()),
            _ => false,
        };
        match is_withheld {
            true => Err(EvalError::Ambiguous),
            false => Ok(false),
        }
    }

    fn readings(&self, fact: Attribute) -> Result<&[Reading], EvalError> {
        let head = &self.known.readings;
        let once = |cell: &'c OnceCell<Readings>,
                    make: &dyn Fn() -> Result<Vec<Reading>, EvalError>| {
            cell.get_or_init(|| self.known.made(0, make))
        };
        let readings = match (fact, self.thing) {
            (Attribute::Method, _) => once(&head.method, &|| self.methods()),
            (Attribute::UrlPath, _) => once(&head.url_path, &|| self.paths(&[Vec::new()])),
            (Attribute::Path, _) => once(&head.path, &|| self.paths(&self.behind_path()?)),
            (Attribute::Query, _) => once(&head.query, &|| self.queries()),
            (Attribute::ResourceUri, Some(Object::Resource(_)))
            | (
                Attribute::ToolName | Attribute::PromptName,
                Some(Object::Tool(_) | Object::Prompt(_)),
            ) => self.of_thing.get_or_init(|| self.of_thing()),
            (Attribute::McpMethod, _) if self.call().is_some_and(|call| call.unknown.is_some()) => {
                // What it does, should a server take it for one that is known.
                let known = || Method::NAMES.iter().map(|name| name.as_bytes());
                once(&head.mcp_method, &|| {
                    Ok(known()
                        .map(|name| reading(name, ReadingKind::Spelling))
                        .collect())
                })
            }
            _ => return Ok(&[]),
        };
        readings.as_ref().map(Deref::deref).map_err(|error| *error)
    }

    fn header_lines(&self) -> usize {
        self.request.http.headers().count()
    }

    fn header(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, EvalError> {
        // SECURITY: as in the HTTP part; but an expression can also say what a header is
        // not, so that no value is safe.
        if self.request.http.has_several(name) {
            return Err(EvalError::BadKey);
        }
        Ok(self.only(name).map(Cow::Borrowed))
    }

    fn header_names(&self) -> Result<Vec<Cow<'_, [u8]>>, EvalError> {
        // SECURITY: to some servers one has the name of another header.
        let names = self.known.head.header_names().ok_or(EvalError::BadKey)?;
        Ok(names.iter().map(|name| Cow::Borrowed(&**name)).collect())
    }
}
