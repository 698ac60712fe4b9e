//! From words to a tree.
//!
//! By hand and not by a crate, for the positions: those there are know where an
//! expression begins at best, and expand macros before anybody can say what is wrong
//! with them.
//!
//! SPEC: cel-spec, "Syntax". DEVIATION: messages are not made (`Type{...}`), and there
//! are no optional values (`a.?b`).

use super::literal;
use super::syntax::{Expr, ExprKind, ExprSpan, Name, SyntaxError};
use super::token::{Token, tokens};
use crate::engine::expr::{Constant, Function};

/// The most bytes of an expression.
pub(super) const LONGEST: usize = 8192;

/// The highest tree: a program may be a little deeper.
const HIGHEST: usize = crate::engine::expr::MAX_DEPTH - 4;

/// How deep brackets and signs are nested: each costs several frames on the stack.
const DEEPEST: usize = 50;

/// SPEC: cel-spec, "Syntax": words that are no names.
const KEYWORDS: [&str; 4] = ["in", "true", "false", "null"];
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expr, SyntaxError> {
    if text.len() > LONGEST {
        let message = format!("the expression is {} bytes long", text.len());
        return Err(SyntaxError::new(&(0..text.len()), message)
            .help(format!("{LONGEST} are the most; write several rules")));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
    };
    if parser.tokens.len() == 1 {
        return Err(SyntaxError::new(&(0..0), "the expression is empty")
            .help("write the condition, such as `request.mcp.tool_name == \"get-sum\"`"));
    }
    let expr = parser.expr()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, ExprSpan)>,
    next: usize,
    depth: usize,
}

type Parsed = Result<Expr, SyntaxError>;

/// Binary operators that group from the left, those that bind weakest first.
const LEVELS: [&[(&str, Function)]; 3] = [
    &[
        ("==", Function::Equal),
        ("!=", Function::NotEqual),
        ("<=", Function::LessOrEqual),
        (">=", Function::GreaterOrEqual),
        ("<", Function::Less),
        (">", Function::Greater),
        ("in", Function::In),
    ],
    &[("+", Function::Add), ("-", Function::Subtract)],
    &[
        ("*", Function::Multiply),
        ("/", Function::Divide),
        ("%", Function::Modulo),
    ],
];

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens
            .get(self.next)
            .map_or(&Token::End, |(token, _)| token)
    }

    fn span(&self) -> ExprSpan {
        let last = self.tokens.get(self.next).or(self.tokens.last());
        last.map_or(0..0, |(_, span)| span.clone())
    }

    /// Where what was read last ends.
    fn end(&self) -> usize {
        let last = self
            .next
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last));
        last.map_or(0, |(_, span)| span.end)
    }

    fn is(&self, symbol: &str) -> bool {
        match self.peek() {
            Token::Symbol(found) => *found == symbol,
            Token::Word(word) => word == symbol && symbol == "in",
            _ => false,
        }
    }

    fn take(&mut self, symbol: &str) -> bool {
        let is = self.is(symbol);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        match self.take(symbol) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("`{symbol}`"))),
        }
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        let found = self.peek();
        let fault = SyntaxError::new(
            &self.span(),
            format!("expected {expected}, found {}", found.shown()),
        );
        match found {
            Token::Symbol("=") => fault.help("equality is `==`"),
            Token::Symbol("&") => fault.help("both is `&&`"),
            Token::Word(word) if word == "and" => fault.help("both is `&&`"),
            Token::Word(word) if word == "or" => fault.help("one of two is `||`"),
            Token::Word(word) if word == "not" => fault.help("the opposite is `!`"),
            _ => fault,
        }
    }

    fn node(&self, kind: ExprKind, start: usize) -> Parsed {
        let expr = kind.at(start..self.end());
        if expr.height > HIGHEST {
            return Err(too_deep(&expr.span));
        }
        Ok(expr)
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= DEEPEST {
            return Err(too_deep(&self.span()));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn expr(&mut self) -> Parsed {
        self.deeper(|parser| {
            let start = parser.span().start;
            let condition = parser.or()?;
            if !parser.take("?") {
                return Ok(condition);
            }
            let then = parser.or()?;
            parser.expect(":")?;
            let otherwise = parser.expr()?;
            let parts = Box::new([condition, then, otherwise]);
            parser.node(ExprKind::Conditional(parts), start)
        })
    }

    fn or(&mut self) -> Parsed {
        self.chain("||", ExprKind::Or, Self::and)
    }

    fn and(&mut self) -> Parsed {
        self.chain("&&", ExprKind::And, |parser| parser.binary(&LEVELS))
    }

    fn chain(
        &mut self,
        symbol: &str,
        kind: fn(Vec<Expr>) -> ExprKind,
        operand: fn(&mut Self) -> Parsed,
    ) -> Parsed {
        let start = self.span().start;
        let first = operand(self)?;
        if !self.is(symbol) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take(symbol) {
            operands.push(operand(self)?);
        }
        self.node(kind(operands), start)
    }

    fn binary(&mut self, levels: &[&'static [(&'static str, Function)]]) -> Parsed {
        let Some((operators, tighter)) = levels.split_first() else {
            return self.unary();
        };
        let start = self.span().start;
        let mut left = self.binary(tighter)?;
        while let Some((symbol, function)) = operators.iter().find(|(symbol, _)| self.is(symbol)) {
            self.next += 1;
            let operands = vec![left, self.binary(tighter)?];
            let kind = ExprKind::Operator {
                function: *function,
                symbol,
                operands,
            };
            left = self.node(kind, start)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let start = self.span().start;
        let (symbol, function) = match self.peek() {
            Token::Symbol("!") => ("!", Function::Not),
            Token::Symbol("-") => ("-", Function::Negate),
            _ => return self.member(),
        };
        self.next += 1;
        if let (Function::Negate, Token::Number(digits)) = (function, self.peek().clone()) {
            // The sign is part of the number: there is no least integer without it.
            let constant = literal::number(true, &digits, &(start..self.span().end))?;
            self.next += 1;
            let number = self.node(ExprKind::Literal(constant), start)?;
            return self.members(number, start);
        }
        self.deeper(|parser| {
            let operands = vec![parser.unary()?];
            let kind = ExprKind::Operator {
                function,
                symbol,
                operands,
            };
            parser.node(kind, start)
        })
    }

    fn member(&mut self) -> Parsed {
        let start = self.span().start;
        let primary = self.primary()?;
        self.members(primary, start)
    }

    /// What is selected, called or indexed of an expression.
    fn members(&mut self, mut expr: Expr, start: usize) -> Parsed {
        loop {
            let kind = if self.take(".") {
                let (name, is_quoted) = self.field()?;
                if !is_quoted && self.take("(") {
                    let arguments = self.list(")")?;
                    ExprKind::Call {
                        target: Some(Box::new(expr)),
                        name,
                        arguments,
                    }
                } else {
                    ExprKind::Select(Box::new(expr), name)
                }
            } else if self.take("[") {
                if self.is("?") {
                    return Err(optional(&self.span()));
                }
                let operands = vec![expr, self.expr()?];
                self.expect("]")?;
                ExprKind::Operator {
                    function: Function::Index,
                    symbol: "[]",
                    operands,
                }
            } else if self.is("{") && matches!(expr.kind, ExprKind::Name(_) | ExprKind::Select(..))
            {
                return Err(
                    SyntaxError::new(&self.span(), "messages cannot be made here")
                        .help("a map stands by itself: `{\"key\": 1}`"),
                );
            } else {
                return Ok(expr);
            };
            expr = self.node(kind, start)?;
        }
    }

    /// The name after a dot, and whether it stands in backticks.
    fn field(&mut self) -> Result<(Name, bool), SyntaxError> {
        let span = self.span();
        let (text, is_quoted) = match self.peek() {
            Token::Word(word) if !KEYWORDS.contains(&word.as_str()) => (word.clone(), false),
            Token::Quoted(word) => (word.clone(), true),
            Token::Symbol("?") => return Err(optional(&span)),
            Token::Word(word) => {
                let fault = self.unexpected("a field's name");
                return Err(fault.help(format!("write `[\"{word}\"]` for a field of that name")));
            }
            _ => return Err(self.unexpected("a field's name")),
        };
        self.next += 1;
        Ok((Name { text, span }, is_quoted))
    }

    fn primary(&mut self) -> Parsed {
        let span = self.span();
        let token = self.peek().clone();
        let kind = match token {
            Token::Symbol("(") => {
                self.next += 1;
                let inner = self.expr()?;
                self.expect(")")?;
                // With its brackets, which belong to it where it is pointed at.
                return Ok(Expr {
                    span: span.start..self.end(),
                    ..inner
                });
            }
            Token::Symbol("[") => {
                self.next += 1;
                ExprKind::List(self.list("]")?)
            }
            Token::Symbol("{") => {
                self.next += 1;
                ExprKind::Map(self.entries()?)
            }
            Token::Number(digits) => {
                self.next += 1;
                ExprKind::Literal(literal::number(false, &digits, &span)?)
            }
            Token::Literal(constant) => {
                self.next += 1;
                ExprKind::Literal(constant)
            }
            Token::Word(word) => return self.word(word, span),
            _ => return Err(self.unexpected("a value")),
        };
        self.node(kind, span.start)
    }

    fn word(&mut self, word: String, span: ExprSpan) -> Parsed {
        let kind = match word.as_str() {
            "true" => ExprKind::Literal(Constant::Bool(true)),
            "false" => ExprKind::Literal(Constant::Bool(false)),
            "null" => ExprKind::Literal(Constant::Null),
            "in" => return Err(self.unexpected("a value")),
            word if RESERVED.contains(&word) => {
                let message = format!("`{word}` is a reserved word and no name");
                return Err(SyntaxError::new(&span, message));
            }
            _ => {
                self.next += 1;
                let kind = if self.take("(") {
                    let arguments = self.list(")")?;
                    ExprKind::Call {
                        target: None,
                        name: Name {
                            text: word,
                            span: span.clone(),
                        },
                        arguments,
                    }
                } else {
                    ExprKind::Name(word)
                };
                return self.node(kind, span.start);
            }
        };
        self.next += 1;
        self.node(kind, span.start)
    }

    /// Expressions with commas, up to a closing bracket.
    fn list(&mut self, close: &'static str) -> Result<Vec<Expr>, SyntaxError> {
        let mut items = Vec::new();
        while !self.take(close) {
            if self.is("?") {
                return Err(optional(&self.span()));
            }
            items.push(self.expr()?);
            // Lists may end in a comma, arguments may not.
            if !self.take(",") {
                self.expect(close)?;
                break;
            }
            if close == ")" && self.is(close) {
                return Err(self.unexpected("a value"));
            }
        }
        Ok(items)
    }

    fn entries(&mut self) -> Result<Vec<(Expr, Expr)>, SyntaxError> {
        let mut entries = Vec::new();
        while !self.take("}") {
            if self.is("?") {
                return Err(optional(&self.span()));
            }
            let key = self.expr()?;
            self.expect(":")?;
            entries.push((key, self.expr()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(entries)
    }
}

fn too_deep(span: &ExprSpan) -> SyntaxError {
    SyntaxError::new(span, "the expression is nested too deep")
        .help("write several rules, or a list and `in`")
}

fn optional(span: &ExprSpan) -> SyntaxError {
    SyntaxError::new(span, "optional values are not supported").help("ask with `has(...)` first")
}
