//! What a module says of itself: version, commit, schema version of policies.
//!
//! The filter logs it when it is loaded, and so it can be found in its bytes.

/// What a filter is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Version of the filter.
    pub version: String,
    /// Commit it is built from, with `-dirty` where its sources had been changed since;
    /// `None` where the builder had no repository.
    pub commit: Option<String>,
    /// When that commit was made, in UTC by RFC 3339.
    pub committed: Option<String>,
    /// Version of the compiled policies that it takes.
    pub schema: u32,
    /// A folder of the machine it was built on that it names, which makes it another
    /// module than the one that other machines build.
    pub folder: Option<String>,
}

/// Bytes that are no filter of this project. Its display is one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterFileError {
    /// They do not begin as WebAssembly does.
    #[error("is no WebAssembly module")]
    NotWasm,
    /// They do not say what they are.
    #[error("is no accesspolicy filter: it does not say its version and commit")]
    Unknown,
}

/// How every module of WebAssembly 1 begins.
const WASM: &[u8] = b"\0asm\x01\0\0\0";

/// Before the version.
const NAME: &str = "accesspolicy ";

/// What machines call folders in which modules are built.
const FOLDERS: [&str; 3] = ["/.cargo/registry/", "\\.cargo\\registry\\", "/lib/rustlib/"];

impl Provenance {
    /// What `module` says of itself.
    ///
    /// # Errors
    /// When it is no filter of this project.
    pub fn of(module: &[u8]) -> Result<Self, FilterFileError> {
        if !module.starts_with(WASM) {
            return Err(FilterFileError::NotWasm);
        }
        let text = String::from_utf8_lossy(module);
        let mut said = text.match_indices(NAME);
        let mut found = said
            .find_map(|(at, _)| parse(text.get(at..)?))
            .ok_or(FilterFileError::Unknown)?;
        found.folder = folder(&text);
        Ok(found)
    }
}

/// Reads `accesspolicy 1.2.3 (commit … of …, policy schema 1)`.
fn parse(text: &str) -> Option<Provenance> {
    let (said, _) = text.split_once(')')?;
    let (version, rest) = said.strip_prefix(NAME)?.split_once(" (commit ")?;
    let (commit, rest) = rest.split_once(" of ")?;
    let (committed, schema) = rest.split_once(", policy schema ")?;
    // Words may stand before it that end in the name.
    let is_word = |word: &str| {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || "-.+:".contains(c);
        !word.is_empty() && word.chars().all(is_of_word)
    };
    if ![version, commit, committed].into_iter().all(is_word) {
        return None;
    }
    let known = |text: &str| (text != "unknown").then(|| text.to_owned());
    Some(Provenance {
        version: version.to_owned(),
        commit: known(commit),
        committed: known(committed),
        schema: schema.parse().ok()?,
        folder: None,
    })
}

/// The first folder of a machine that is named.
fn folder(text: &str) -> Option<String> {
    let (at, found) = FOLDERS
        .iter()
        .find_map(|folder| Some((text.find(folder)?, folder)))?;
    let before = text.get(..at)?;
    let is_path = |c: char| c.is_alphanumeric() || "/\\:._-+ ".contains(c);
    let start = before.rfind(|c| !is_path(c)).map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    Some(format!("{}{found}", text.get(start..at)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(text: &str) -> Vec<u8> {
        [
            WASM,
            &b"\xff\x00accesspolicy \xfe"[..],
            text.as_bytes(),
            b"\xff",
        ]
        .concat()
    }

    #[test]
    fn a_module_says_what_it_is_built_from() {
        let said = "accesspolicy 1.2.3 (commit abc of 2026-01-02T03:04:05Z, policy schema 4)";
        let found = Provenance::of(&module(said)).unwrap();
        let expected = Provenance {
            version: "1.2.3".to_owned(),
            commit: Some("abc".to_owned()),
            committed: Some("2026-01-02T03:04:05Z".to_owned()),
            schema: 4,
            folder: None,
        };
        assert_eq!(found, expected);
        let said = "accesspolicy 1.2.3 (commit unknown of unknown, policy schema 4)";
        let found = Provenance::of(&module(said)).unwrap();
        assert_eq!((found.commit, found.committed), (None, None));
    }

    #[test]
    fn what_does_not_say_it_is_no_filter() {
        for text in [
            "",
            "accesspolicy 1.2.3 (commit abc",
            "accesspolicy 1 (commit a of b, c)",
        ] {
            assert_eq!(Provenance::of(&module(text)), Err(FilterFileError::Unknown));
        }
        assert_eq!(Provenance::of(b""), Err(FilterFileError::NotWasm));
        assert_eq!(Provenance::of(b"\x7fELF"), Err(FilterFileError::NotWasm));
    }

    #[test]
    fn folders_of_the_builder_are_found() {
        let said = "accesspolicy 1 (commit a of b, policy schema 1)";
        for (text, folder) in [
            (
                "\"/home/ä b/.cargo/registry/src/x/y.rs",
                "/home/ä b/.cargo/registry/",
            ),
            (
                "xC:\\Users\\me\\.cargo\\registry\\src",
                "xC:\\Users\\me\\.cargo\\registry\\",
            ),
        ] {
            let found = Provenance::of(&module(&format!("{said}\0{text}"))).unwrap();
            assert_eq!(found.folder.as_deref(), Some(folder));
        }
        let remapped = format!("{said}\0/registry/serde-1/src/lib.rs /rustc/abc/library/core");
        assert_eq!(Provenance::of(&module(&remapped)).unwrap().folder, None);
    }
}
