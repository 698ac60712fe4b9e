//! Hostile requests without end, the same every time: generated messages, and wire
//! vectors of which a few bytes are others.

use crate::generate::Generator;
use crate::wire_vectors::{FILES, Http, Vector, WireTests};

/// The source of requests.
pub(crate) struct Messages {
    generator: Generator,
    vectors: Vec<Http>,
}

impl Messages {
    pub(crate) fn new(seed: u64) -> Self {
        let files = FILES.iter().map(|(name, text)| WireTests::read(name, text));
        let files: Vec<_> = files.map(|file| file.expect("vectors")).collect();
        let vectors = files.iter().flat_map(WireTests::vectors);
        Self {
            generator: Generator::new(seed),
            vectors: vectors.map(Vector::http).collect(),
        }
    }

    /// The next request.
    pub(crate) fn request(&mut self) -> Http {
        let generator = &mut self.generator;
        if generator.one_in(2) {
            return Http {
                method: "POST".to_owned(),
                path: "/mcp".to_owned(),
                headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
                body: Some(generator.message()),
            };
        }
        let mut http = self.vectors[generator.below(self.vectors.len())].clone();
        if let Some(body) = &mut http.body {
            if generator.one_in(8) {
                // The same headers over another message.
                *body = generator.message();
            }
            generator.damage(body);
        }
        http
    }

    /// Where to cut a body of this length.
    pub(crate) fn cut(&mut self, length: usize) -> usize {
        self.generator.below(length + 1)
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.generator.one_in(bound)
    }
}
