//! What is derived of the head of a request, each thing once, when it is first asked for.
//!
//! SECURITY: a client chooses how long a head is, and a policy how many rules ask about it.
//! What takes a pass over all of it must not be done for each of them.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::http::{HostName, HttpRequest};
use super::path::{self, RequestPath};

/// The head of a request, and what was derived of it so far.
#[derive(Debug)]
pub struct Derived<'r> {
    target: HttpRequest<'r>,
    host: OnceCell<Option<HostName>>,
    methods: OnceCell<Option<Vec<Vec<u8>>>>,
    query: OnceCell<Option<&'r [u8]>>,
    names: OnceCell<Option<Vec<Vec<u8>>>>,
    path: OnceCell<Option<DerivedPath<'r>>>,
}

impl<'r> Derived<'r> {
    /// A head of which nothing was derived yet.
    pub const fn new(target: HttpRequest<'r>) -> Self {
        Self {
            target,
            host: OnceCell::new(),
            methods: OnceCell::new(),
            query: OnceCell::new(),
            names: OnceCell::new(),
            path: OnceCell::new(),
        }
    }

    /// The head as it is.
    pub const fn target(&self) -> &HttpRequest<'r> {
        &self.target
    }

    /// See [`HttpRequest::host`].
    pub fn host(&self) -> Option<&HostName> {
        self.host.get_or_init(|| self.target.host()).as_ref()
    }

    /// See [`HttpRequest::overriding_methods`].
    pub fn overriding_methods(&self) -> Option<&[Vec<u8>]> {
        let find = || self.target.overriding_methods();
        self.methods.get_or_init(find).as_deref()
    }

    /// See [`HttpRequest::query`].
    pub fn query(&self) -> Option<&'r [u8]> {
        *self.query.get_or_init(|| self.target.query())
    }

    /// The names of all headers but the pseudo-headers, in lower case, each once; `None`
    /// where to some servers one has the name of another.
    pub fn header_names(&self) -> Option<&[Vec<u8>]> {
        let find = || {
            let mut names: Vec<Vec<u8>> = Vec::new();
            for name in self.target.header_names() {
                if !super::is_plain_name(name) {
                    return None;
                }
                if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    names.push(name.to_ascii_lowercase());
                }
            }
            Some(names)
        };
        self.names.get_or_init(find).as_deref()
    }

    /// The path, without query and fragment.
    pub fn path(&self) -> Option<&DerivedPath<'r>> {
        let find = || self.target.path().map(DerivedPath::new);
        self.path.get_or_init(find).as_ref()
    }
}

/// The path of a request, and what was derived of it so far.
#[derive(Debug)]
pub struct DerivedPath<'r> {
    path: RequestPath<'r>,
    is_ambiguous: OnceCell<bool>,
    is_behind_script: OnceCell<bool>,
    is_canonical: OnceCell<bool>,
    forms: OnceCell<Option<[Vec<u8>; 2]>>,
    tidied: OnceCell<Cow<'r, [u8]>>,
    last_segment: OnceCell<usize>,
    texts: OnceCell<Option<Vec<Vec<u8>>>>,
}

impl<'r> DerivedPath<'r> {
    const fn new(path: RequestPath<'r>) -> Self {
        Self {
            path,
            is_ambiguous: OnceCell::new(),
            is_behind_script: OnceCell::new(),
            is_canonical: OnceCell::new(),
            forms: OnceCell::new(),
            tidied: OnceCell::new(),
            last_segment: OnceCell::new(),
            texts: OnceCell::new(),
        }
    }

    /// As it came.
    pub const fn path(&self) -> RequestPath<'r> {
        self.path
    }

    /// See [`RequestPath::is_ambiguous`].
    pub fn is_ambiguous(&self) -> bool {
        *self.is_ambiguous.get_or_init(|| self.path.is_ambiguous())
    }

    /// See [`RequestPath::is_behind_script`].
    pub fn is_behind_script(&self) -> bool {
        let find = || self.path.is_behind_script();
        *self.is_behind_script.get_or_init(find)
    }

    /// See [`RequestPath::is_canonical`].
    pub fn is_canonical(&self) -> bool {
        *self.is_canonical.get_or_init(|| self.path.is_canonical())
    }

    /// The path in the two forms that servers bring it into; `None` where both are as it came.
    pub fn forms(&self) -> Option<&[Vec<u8>; 2]> {
        let find = || path::forms(self.path.as_bytes());
        self.forms.get_or_init(find).as_ref()
    }

    /// Whether it lies under a prefix without escapes as well, neither having any.
    pub fn is_plainly_under(&self, prefix: &str) -> bool {
        let plain = self.forms().map(|[plain, _]| plain.as_slice());
        let plain = plain.unwrap_or(self.path.as_bytes());
        path::is_under(plain, &path::plain(prefix.as_bytes()))
    }

    /// Whether some server takes it for another path: without case, without a slash at its
    /// end, without an extension.
    pub fn may_be(&self, other: &str) -> bool {
        let other = path::tidied(other.as_bytes());
        let whole = path::without_slash(self.tidied());
        let rest = path::without_case(whole, path::without_slash(&other));
        // It is one where no slash is behind it.
        let is_extension =
            |rest: &[u8]| rest.first() == Some(&b'.') && rest.len() <= self.last_segment(whole);
        rest.is_some_and(|rest| rest.is_empty() || (other.len() > 1 && is_extension(rest)))
    }

    /// Whether some server takes it for one that lies under a prefix, as for
    /// [`may_be`](Self::may_be); the extension is one of the prefix's last segment.
    pub fn may_be_under(&self, prefix: &str) -> bool {
        path::is_spelt_under(self.tidied(), &path::tidied(prefix.as_bytes()))
    }

    /// The other texts that servers may match a pattern against, each once: its
    /// [readings](RequestPath::readings), also without escapes. `None` where there are too
    /// many to look at.
    pub fn texts(&self) -> Option<&[Vec<u8>]> {
        let find = || {
            let mut texts = self.path.readings()?;
            for at in 0..texts.len() {
                let plain = texts.get(at).and_then(|text| path::forms(text));
                if let Some([plain, _]) = plain
                    && !texts.contains(&plain)
                {
                    texts.push(plain);
                }
            }
            Some(texts)
        };
        self.texts.get_or_init(find).as_deref()
    }

    fn tidied(&self) -> &[u8] {
        let bytes = self.path.as_bytes();
        self.tidied.get_or_init(|| path::tidied(bytes))
    }

    /// How long the last segment is of the whole tidied path.
    fn last_segment(&self, whole: &[u8]) -> usize {
        *self.last_segment.get_or_init(|| {
            let mut segments = whole.rsplit(|byte| *byte == b'/');
            segments.next().map_or(0, <[u8]>::len)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::request::Headers;

    fn path(path: &str, of: impl Fn(&DerivedPath<'_>) -> bool) -> bool {
        let headers = Headers::from_lines([(":path", path)]);
        let derived = Derived::new(HttpRequest::new(&headers, None));
        let path = derived.path().unwrap();
        // The second time it is remembered.
        let first = of(path);
        assert_eq!(of(path), first);
        first
    }

    #[test]
    fn what_a_path_may_be() {
        for (asked, other, may_be) in [
            ("/a/b?c", "/a/b", true),
            ("/A/b/", "/a/B", true),
            ("/a/b.json", "/a/b", true),
            ("/a/b.tar.gz/", "/a/b", true),
            ("/a/b%20", "/a/b", true),
            ("/a.b/c", "/a", false),
            ("/a.b/c.d", "/a.b/c", true),
            ("/a/b", "/a", false),
            ("/.a", "/", false),
            ("/%C5%BFx", "/sx", true),
            ("/%E2%84%AAx", "/kX", true),
            ("/adm%ffin", "/admin", true),
            ("/%C3%A9t%C3%A9", "/t", false),
            ("/ad%E2%80%8Bmin.x", "/admin", true),
            ("/a/del-user", "/a/del_user", true),
            ("/a/Del.User.json", "/a/del_user", true),
            ("/a/del%21user", "/a/del_user", true),
            ("/a/del/user", "/a/del_user", false),
            ("/a/delxuser", "/a/del_user", false),
            ("/a/del_user", "/a/del-user", false),
        ] {
            assert_eq!(
                path(asked, |path| path.may_be(other)),
                may_be,
                "{asked} {other}"
            );
        }
    }

    #[test]
    fn what_a_path_may_be_under() {
        for (asked, prefix, may_be) in [
            ("/A/b", "/a", true),
            ("/a.json/b", "/a", true),
            ("/ab", "/a", false),
            ("/caf%C3%A9/x", "/caf\u{e9}", true),
            ("/%80a/b", "/a", true),
            ("/a%80b/b", "/a", false),
            ("/a-b/c", "/a_b", true),
            ("/a-bc", "/a_b", false),
        ] {
            let found = path(asked, |path| path.may_be_under(prefix));
            assert_eq!(found, may_be, "{asked} {prefix}");
        }
        assert!(path("/caf\u{e9}/x", |path| path.is_plainly_under("/caf%C3%A9")));
        assert!(!path("/caf/x", |path| path.is_plainly_under("/caf%C3%A9")));
    }

    #[test]
    fn other_texts_are_there_once() {
        let headers = Headers::from_lines([(":path", "/A/b%20c.d")]);
        let derived = Derived::new(HttpRequest::new(&headers, None));
        let texts = derived.path().and_then(DerivedPath::texts).unwrap();
        for text in ["/A/b%20c", "/a/b%20c.d", "/A/b c.d/", "/a/b c"] {
            let same = texts.iter().filter(|known| *known == text.as_bytes());
            assert_eq!(same.count(), 1, "{text}");
        }
        assert!(!texts.contains(&b"/A/b%20c.d".to_vec()));
        assert!(texts.contains(&b"/a/b c_d".to_vec()));
    }

    #[test]
    fn names_of_headers() {
        let of = |names: &[&str]| -> Option<Vec<Vec<u8>>> {
            let lines = [":path"].iter().chain(names).map(|name| (name, ""));
            let headers = Headers::from_lines(lines);
            let derived = Derived::new(HttpRequest::new(&headers, None));
            derived.header_names().map(<[_]>::to_vec)
        };
        let names = of(&["X-A", "b", "x-a"]);
        assert_eq!(names, Some(vec![b"x-a".to_vec(), b"b".to_vec()]));
        assert_eq!(of(&["x_a"]), None);
    }
}
