//! Messages: some right, most slightly wrong, some damaged.

/// SplitMix64: the same messages every time.
pub(crate) struct Generator(u64);

const METHODS: &[&str] = &[
    "tools/call",
    "tools/call",
    "tools/call",
    "prompts/get",
    "resources/read",
    "tools/list",
    "resources/subscribe",
    "completion/complete",
    "subscriptions/listen",
    "tasks/get",
    "ping",
    "initialize",
    "notifications/initialized",
    "other/method",
    "tools/other",
];

const THINGS: &[&str] = &[
    "echo",
    "get-sum",
    "größe",
    "日本",
    "😀",
    "a b",
    "",
    "e\u{0}",
    "file:///a",
    "\u{7f}",
    "\\",
    "\"",
];

const TOP: &[&str] = &["jsonrpc", "id", "method", "params"];

const TWINS: &[&str] = &[
    "Method",
    "METHOD",
    " method",
    "method\u{0}",
    "PARAMS",
    "Name",
    "uRI",
    "\u{212a}",
    "nam\u{17f}",
    "__proto__",
    "Id",
    "result",
    "error",
    "argumentſ",
    "_Meta",
    "names",
    "x",
];

const BYTES: &[u8] =
    b"{}[]\",:\\/ \n\t0123456789-+.eEunrtf\x00\x1f\x7f\x80\xbf\xc0\xc3\xe2\xed\xf0\xff\xa0'ABabN";

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// The next message.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let mut text = String::new();
        self.space(&mut text);
        let method = self.pick(METHODS);
        let mut members: Vec<(String, String)> = Vec::new();
        for name in TOP {
            if self.one_in(40)
                || (*name == "id" && method.starts_with("notifications/") && !self.one_in(10))
            {
                continue;
            }
            let value = match *name {
                "jsonrpc" => {
                    if self.one_in(40) {
                        self.value(2)
                    } else {
                        self.string("2.0")
                    }
                }
                "id" => self.id(),
                "method" => {
                    if self.one_in(40) {
                        self.value(2)
                    } else {
                        self.string(method)
                    }
                }
                _ => {
                    if self.one_in(40) {
                        self.value(2)
                    } else {
                        self.params(method)
                    }
                }
            };
            members.push(((*name).to_owned(), value));
        }
        self.disturb(&mut members);
        self.object(&mut text, &members);
        self.space(&mut text);
        let mut bytes = text.into_bytes();
        if self.one_in(3) {
            self.damage(&mut bytes);
        }
        bytes
    }

    fn params(&mut self, method: &str) -> String {
        let mut members = Vec::new();
        let thing = self.pick(THINGS);
        let name = match method {
            "resources/read" | "resources/subscribe" => "uri",
            "tasks/get" => "taskId",
            _ => "name",
        };
        if !self.one_in(30) {
            let value = if self.one_in(30) {
                self.value(2)
            } else {
                self.string(thing)
            };
            members.push((name.to_owned(), value));
        }
        if method == "completion/complete" {
            let (kind, thing) = (
                self.pick(&["ref/prompt", "ref/resource"]),
                self.pick(THINGS),
            );
            let mut text = String::new();
            let reference = [
                ("type".to_owned(), self.string(kind)),
                ("name".to_owned(), self.string(thing)),
                ("uri".to_owned(), self.string("a://b")),
            ];
            self.object(&mut text, &reference);
            members.push(("ref".to_owned(), text));
        }
        if method == "subscriptions/listen" {
            let things = [self.pick(THINGS), self.pick(THINGS)].map(|thing| self.string(thing));
            members.push((
                "notifications".to_owned(),
                format!(
                    "{{\"resourceSubscriptions\":[{}],\"taskIds\":[{}]}}",
                    things[0], things[1]
                ),
            ));
        }
        if self.one_in(2) {
            members.push(("arguments".to_owned(), self.value(3)));
        }
        if self.one_in(4) {
            members.push(("_meta".to_owned(), self.value(2)));
        }
        self.disturb(&mut members);
        let mut text = String::new();
        self.object(&mut text, &members);
        text
    }

    /// Another order, and now and then a member too many.
    fn disturb(&mut self, members: &mut Vec<(String, String)>) {
        for place in 1..members.len() {
            members.swap(place, self.below(place + 1));
        }
        if self.one_in(12) && !members.is_empty() {
            let again = members[self.below(members.len())].0.clone();
            members.push((again, self.value(2)));
        }
        if self.one_in(8) {
            let name = self.pick(TWINS).to_owned();
            let place = self.below(members.len() + 1);
            members.insert(place, (name, self.value(2)));
        }
    }

    fn id(&mut self) -> String {
        match self.below(12) {
            0 => self.value(1),
            1 => "-1".to_owned(),
            2 => "9007199254740993".to_owned(),
            3 => "1.0".to_owned(),
            4 => "-0".to_owned(),
            5 => self.string("ä\"b"),
            6 => self.string("x"),
            _ => self.below(1000).to_string(),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => self
                .pick(&["0", "-1", "1.5", "1e3", "-0.0", "123456789012"])
                .to_owned(),
            3 | 4 => {
                let text = self.pick(THINGS);
                self.string(text)
            }
            5 => "\"\"".to_owned(),
            6 => {
                let items: Vec<_> = (0..self.below(3)).map(|_| self.value(depth - 1)).collect();
                format!("[{}]", items.join(","))
            }
            _ => {
                let mut text = String::new();
                let names = ["name", "uri", "a", "method", "Name"];
                let members: Vec<_> = (0..self.below(3))
                    .map(|_| (self.pick(&names).to_owned(), self.value(depth - 1)))
                    .collect();
                self.object(&mut text, &members);
                text
            }
        }
    }

    fn object(&mut self, text: &mut String, members: &[(String, String)]) {
        text.push('{');
        for (place, (name, value)) in members.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            self.space(text);
            text.push_str(&self.string(name));
            self.space(text);
            text.push(':');
            self.space(text);
            text.push_str(value);
            self.space(text);
        }
        text.push('}');
    }

    fn space(&mut self, text: &mut String) {
        if self.one_in(6) {
            text.push(self.pick(&[' ', '\t', '\n', '\r']));
        }
    }

    /// A string, some of its characters escaped.
    fn string(&mut self, text: &str) -> String {
        let mut quoted = String::from("\"");
        for char in text.chars() {
            let must = matches!(char, '"' | '\\') || char < ' ';
            if must || self.one_in(12) {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                quoted.push(char);
            }
        }
        quoted.push('"');
        quoted
    }

    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(2) {
            let place = self.below(bytes.len() + 1);
            match self.below(5) {
                0 => bytes.insert(place, self.pick(BYTES)),
                1 if place < bytes.len() => bytes[place] = self.pick(BYTES),
                2 if place < bytes.len() => drop(bytes.remove(place)),
                3 => bytes.truncate(place),
                _ => {
                    let from = self.below(bytes.len() + 1).min(place);
                    let copy = bytes[from..place].to_vec();
                    let at = self.below(bytes.len() + 1);
                    bytes.splice(at..at, copy);
                }
            }
        }
    }
}
