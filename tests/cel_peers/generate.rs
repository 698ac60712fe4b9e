//! Expressions by their types.

/// Makes one expression.
pub(crate) struct Generator {
    state: u64,
    /// How much deeper it may go.
    fuel: u32,
    /// How many variables of macros there are.
    variables: u32,
}

/// What an expression is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Uint,
    Double,
    String,
    Ints,
    Strings,
    /// Something of the message's parameters.
    Json,
}

use Kind::{Bool, Double, Int, Ints, Json, String as Text, Strings, Uint};

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1,
            fuel: 4,
            variables: 0,
        }
    }

    pub(crate) fn expression(&mut self) -> String {
        self.of(Bool)
    }

    fn random(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % below
    }

    fn pick<'a>(&mut self, options: &[&'a str]) -> &'a str {
        let place = self.random(options.len() as u64);
        options[place as usize]
    }

    fn of(&mut self, kind: Kind) -> String {
        if self.fuel == 0 || self.random(6) == 0 {
            return self.leaf(kind);
        }
        self.fuel -= 1;
        let made = self.made(kind);
        self.fuel += 1;
        if self.random(12) == 0 {
            let (condition, other) = (self.leaf(Bool), self.leaf(kind));
            return format!("({condition} ? {made} : {other})");
        }
        made
    }

    fn leaf(&mut self, kind: Kind) -> String {
        let leaf = match kind {
            Bool => self.pick(&[
                "true",
                "false",
                "has(request.mcp.params.arguments.n)",
                "has(request.mcp.params.arguments.m)",
                "request.mcp.params.arguments.t",
                "true",
                "false",
                "has(request.mcp.params.name.x)",
                "request.mcp.params.arguments.n",
                "'x-tenant' in request.headers",
            ]),
            Int => self.pick(&[
                "0",
                "1",
                "-1",
                "2",
                "3",
                "7",
                "10",
                "0",
                "1",
                "2",
                "3",
                "4",
                "-2",
                "5",
                "9223372036854775807",
                "-9223372036854775808",
                "request.size",
                "request.mcp.params.arguments.n",
                "request.mcp.params.arguments.big",
                "request.mcp.params.arguments.m",
            ]),
            Uint => self.pick(&["0u", "1u", "2u", "18446744073709551615u"]),
            Double => self.pick(&[
                "0.0",
                "1.0",
                "-1.5",
                "2.5",
                "1e3",
                "request.mcp.params.arguments.d",
            ]),
            Text => self.pick(&[
                "''",
                "'a'",
                "'ab'",
                "'b,a'",
                "'café'",
                "'1'",
                "'-7'",
                "request.method",
                "request.path",
                "request.mcp.tool_name",
                "request.headers['x-tenant']",
                "'c'",
                "'tools/call'",
                "request.headers['x-none']",
                "request.mcp.params.arguments.s",
                "request.mcp.params['name']",
            ]),
            Ints => self.pick(&[
                "[]",
                "[1]",
                "[1, 2, 3]",
                "[3, 3]",
                "request.mcp.params.arguments.list",
            ]),
            Strings => self.pick(&["['']", "['a', 'b']", "request.mcp.params.arguments.words"]),
            Json => self.pick(&[
                "request.mcp.params.arguments.n",
                "request.mcp.params.arguments.d",
                "request.mcp.params.arguments.s",
                "request.mcp.params.arguments.none",
                "request.mcp.params.arguments.inner",
                "request.mcp.params.arguments.list",
                "request.mcp.params.arguments.inner.y[1].z",
                "request.mcp.params.arguments.inner.y",
                "request.mcp.params.arguments.m",
                "dyn(1)",
                "dyn('a')",
                "dyn([1, 2, 3])",
                "dyn({'x': 1, 'y': 2})",
                "dyn(null)",
                "dyn(2.5)",
                "dyn(7u)",
                "dyn(true)",
            ]),
        };
        leaf.to_owned()
    }

    fn made(&mut self, kind: Kind) -> String {
        match kind {
            Bool => self.boolean(),
            Int => match self.random(9) {
                0..4 => self.arithmetic(Int, &["+", "-", "*", "/", "%"]),
                4 => format!("size({})", self.of(Text)),
                5 => format!("size({})", self.of(Ints)),
                6 => format!("int({})", self.of(Double)),
                7 => format!("int({})", self.pick(&["'1'", "'-7'", "'x'", "''"])),
                _ => format!("{}.indexOf({})", self.of(Text), self.of(Text)),
            },
            Uint => match self.random(4) {
                0..3 => self.arithmetic(Uint, &["+", "-", "*", "/", "%"]),
                _ => format!("uint({})", self.of(Int)),
            },
            Double => match self.random(3) {
                0..2 => self.arithmetic(Double, &["+", "-", "*"]),
                _ => format!("double({})", self.of(Int)),
            },
            Text => match self.random(10) {
                0..3 => self.arithmetic(Text, &["+"]),
                3 => format!("string({})", self.of(Int)),
                4 => format!("{}.lowerAscii()", self.of(Text)),
                5 => format!(
                    "{}.substring({})",
                    self.of(Text),
                    self.pick(&["0", "1", "2"])
                ),
                6 => format!(
                    "{}.replace({}, 'x')",
                    self.of(Text),
                    self.pick(&["'a'", "'/'", "''"])
                ),
                7 => format!("{}.join('-')", self.of(Strings)),
                8 => format!(
                    "{}.charAt({})",
                    self.of(Text),
                    self.pick(&["0", "1", "4", "-1"])
                ),
                _ => format!(
                    "{}[{}]",
                    self.of(Strings),
                    self.pick(&["0", "1", "2", "-1"])
                ),
            },
            Ints => match self.random(5) {
                0 => format!("[{}, {}]", self.of(Int), self.of(Int)),
                1 => self.arithmetic(Ints, &["+"]),
                2 => self.with_variable(Ints, "filter", Bool),
                _ => self.with_variable(Ints, "map", Int),
            },
            Strings => match self.random(3) {
                0 => format!("[{}, {}]", self.of(Text), self.of(Text)),
                1 => format!("{}.split(',')", self.of(Text)),
                _ => self.with_variable(Strings, "filter", Bool),
            },
            Json => self.leaf(Json),
        }
    }

    fn boolean(&mut self) -> String {
        let comparisons = ["==", "!=", "<", "<=", ">", ">="];
        match self.random(16) {
            0..2 => self.arithmetic(Bool, &["&&", "||"]),
            2 => format!(
                "({} && {} && {})",
                self.of(Bool),
                self.of(Bool),
                self.of(Bool)
            ),
            3 => format!(
                "({} || {} || {})",
                self.of(Bool),
                self.of(Bool),
                self.of(Bool)
            ),
            4 => format!("!({})", self.of(Bool)),
            5 | 6 => self.arithmetic(Int, &comparisons),
            7 => self.arithmetic(Uint, &comparisons),
            8 => self.arithmetic(Double, &comparisons),
            9 => self.arithmetic(Text, &comparisons),
            10 => self.arithmetic(Json, &["==", "!="]),
            11 => self.arithmetic(Ints, &["==", "!="]),
            12 => format!("({} in {})", self.of(Int), self.of(Ints)),
            13 => {
                let function = self.pick(&["contains", "startsWith", "endsWith"]);
                format!("{}.{function}({})", self.of(Text), self.of(Text))
            }
            14 => {
                let pattern = self.pick(&["a", "^a", "a$", "[a-c]+,", "^$", "(?i)A|7", "^[^/]*$"]);
                format!("{}.matches('{pattern}')", self.of(Text))
            }
            _ => {
                let name = self.pick(&["all", "exists", "exists_one"]);
                let range = if self.random(2) == 0 { Ints } else { Strings };
                self.with_variable(range, name, Bool)
            }
        }
    }

    fn arithmetic(&mut self, kind: Kind, operators: &[&str]) -> String {
        let (left, right) = (self.of(kind), self.of(kind));
        format!("({left} {} {right})", self.pick(operators))
    }

    /// A macro whose body asks for its variable.
    fn with_variable(&mut self, range: Kind, name: &str, body: Kind) -> String {
        let list = self.of(range);
        let variable = format!("v{}", self.variables);
        self.variables += 1;
        let item = if range == Ints { Int } else { Text };
        let about = match (body, item) {
            (Bool, item) => {
                let other = self.of(item);
                format!("{variable} {} {other}", self.pick(&["==", "!=", "<", ">="]))
            }
            _ => {
                let other = self.of(Int);
                format!("{variable} {} {other}", self.pick(&["+", "-", "*", "/"]))
            }
        };
        let about = match body {
            Bool if self.random(3) == 0 => {
                let other = self.of(Bool);
                format!("({about}) {} {other}", self.pick(&["&&", "||"]))
            }
            _ => about,
        };
        format!("{list}.{name}({variable}, {about})")
    }
}
