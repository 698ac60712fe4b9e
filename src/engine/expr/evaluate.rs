//! The evaluator: walks over the nodes of a program that was found sound.

use super::budget::Budget;
use super::map::MapValue;
use super::program::{Loop, NodeId};
use super::readings::{Reads, Stays, agreed};
use super::value::{ListValue, Shared, Value, ValueItems};
use super::{
    Attribute, Attributes, CelCondition, CelNode, Constant, EvalError, Function, Reading,
    ReadingKind, operators,
};
use crate::engine::uri;

/// One evaluation.
pub(super) struct Evaluation<'v> {
    condition: &'v CelCondition,
    variables: &'v dyn Attributes,
    budget: &'v Budget,
    /// The items that the loops around are at, the outermost first.
    items: Vec<Value<'v>>,
    /// What is read in the place of a fact, while another reading is looked at.
    reading: Option<(Attribute, &'v Reading)>,
}

pub(super) type Valued<'v> = Result<Value<'v>, EvalError>;

impl<'v> Evaluation<'v> {
    pub(super) fn new(
        condition: &'v CelCondition,
        variables: &'v dyn Attributes,
        budget: &'v Budget,
    ) -> Self {
        Self {
            condition,
            variables,
            budget,
            items: Vec::new(),
            reading: None,
        }
    }

    /// The value of the whole.
    pub(super) fn result(mut self) -> Valued<'v> {
        self.node(self.condition.nodes.len().saturating_sub(1))
    }

    fn node(&mut self, id: NodeId) -> Valued<'v> {
        let node = self.condition.nodes.get(id);
        let reads = self.condition.reads.get(id).copied();
        let reads = reads.unwrap_or_default();
        match &self.reading {
            None if !reads.any() => self.valued(node),
            None => self.agreed(node, reads),
            Some(_) => self.read(node, reads),
        }
    }

    /// The value of a node that servers may come to otherwise.
    fn agreed(&mut self, node: Option<&'v CelNode>, reads: Reads) -> Valued<'v> {
        let value = self.valued(node)?;
        let condition = self.condition;
        let stays = node.and_then(|node| Stays::of(&condition.nodes, &condition.reads, node));
        let (Value::Bool(holds), Some(stays)) = (&value, stays) else {
            return Ok(value);
        };
        let mut others: usize = 0;
        for fact in reads.facts() {
            let is_spelling = !matches!(fact, Attribute::Method | Attribute::ResourceUri);
            if is_spelling && stays.keeps(*holds) {
                continue;
            }
            let readings = self.variables.readings(fact)?;
            others = others.saturating_add(usize::from(!readings.is_empty()));
            agreed(*holds, readings, stays, |reading| {
                self.reading = Some((fact, reading));
                let value = self.valued(node);
                self.reading = None;
                value
            })?;
        }
        // SECURITY: a server may read two facts otherwise at once.
        match others {
            0 | 1 => Ok(value),
            _ => Err(EvalError::Ambiguous),
        }
    }

    /// The value of a node under another reading.
    fn read(&mut self, node: Option<&'v CelNode>, reads: Reads) -> Valued<'v> {
        let (Some((fact, reading)), Some(node)) = (self.reading, node) else {
            return self.valued(node);
        };
        if reads.is(node, fact) {
            return Value::made(reading.text.clone(), self.budget);
        }
        let value = match node {
            // A key is not compared with what it finds.
            CelNode::Call {
                function: Function::Index,
                arguments,
            } if let [map, key] = arguments.as_slice()
                && let Some(CelNode::Constant(key)) = self.condition.nodes.get(*key) =>
            {
                self.budget.step()?;
                let values = [self.node(*map)?, Value::of_constant(key)];
                operators::call(Function::Index, &values, self.budget)
            }
            node => self.valued(Some(node)),
        };
        let text = match value? {
            Value::String(text) => text,
            other => return Ok(other),
        };
        let text = match (reading.kind, node) {
            (ReadingKind::LowerCase, _) if text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                text.to_ascii_lowercase()
            }
            (ReadingKind::Uri, CelNode::Constant(Constant::String(text))) => {
                match uri::of_constant(text) {
                    Some(form) => form,
                    None => return Ok(Value::String(Shared::Borrowed(text))),
                }
            }
            (
                ReadingKind::AnyHost | ReadingKind::AnyUri,
                CelNode::Constant(Constant::String(text)),
            ) => {
                let form = uri::of_constant(text);
                let is_of_another = |form: &String| !uri::is_of_one_scheme(form, &reading.text);
                form.filter(is_of_another).ok_or(EvalError::Ambiguous)?
            }
            _ => return Ok(Value::String(text)),
        };
        Value::made(text, self.budget)
    }

    /// INVARIANT: a program that was found sound is no deeper than
    /// [`MAX_DEPTH`](super::MAX_DEPTH), and so is this recursion.
    fn valued(&mut self, node: Option<&'v CelNode>) -> Valued<'v> {
        self.budget.step()?;
        match node.ok_or(EvalError::NoSuchOverload)? {
            CelNode::Constant(constant) => Ok(Value::of_constant(constant)),
            CelNode::Fact(fact) => self.fact(*fact),
            CelNode::HasFact(fact) => {
                self.search(*fact)?;
                self.variables.is_there(*fact).map(Value::Bool)
            }
            CelNode::Item(item) => {
                let item = self.items.get(*item);
                item.cloned().ok_or(EvalError::NoSuchOverload)
            }
            CelNode::Field { operand, name } => {
                let found = self.map(*operand)?.field(name, self.budget)?;
                found.ok_or(EvalError::NoSuchKey)
            }
            CelNode::HasField { operand, name } => {
                let map = self.map(*operand)?;
                map.has_field(name, self.budget).map(Value::Bool)
            }
            CelNode::And(nodes) => self.junction(nodes, false),
            CelNode::Or(nodes) => self.junction(nodes, true),
            CelNode::Conditional {
                condition,
                then,
                otherwise,
            } => match self.node(*condition)? {
                Value::Bool(true) => self.node(*then),
                Value::Bool(false) => self.node(*otherwise),
                _ => Err(EvalError::NoSuchOverload),
            },
            CelNode::Call {
                function,
                arguments,
            } => {
                let values = self.all(arguments)?;
                operators::call(*function, &values, self.budget)
            }
            CelNode::Matches { operand, pattern } => self.matches(*operand, *pattern),
            CelNode::List(nodes) => {
                let items = self.all(nodes)?;
                Value::made_list(items, self.budget)
            }
            CelNode::Map(entries) => {
                let mut made = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    made.push((self.node(*key)?, self.node(*value)?));
                }
                MapValue::made(made, self.budget).map(Value::Map)
            }
            CelNode::Loop { kind, range, body } => self.each(*kind, *range, *body),
        }
    }

    fn all(&mut self, nodes: &[NodeId]) -> Result<Vec<Value<'v>>, EvalError> {
        nodes.iter().map(|node| self.node(*node)).collect()
    }

    fn fact(&self, fact: Attribute) -> Valued<'v> {
        if fact == Attribute::Headers {
            return Ok(Value::Map(MapValue::Headers(self.variables)));
        }
        self.search(fact)?;
        let given = self.variables.fact(fact).ok_or(EvalError::NoSuchKey)?;
        Value::of_fact(given, self.budget)
    }

    /// Pays for a look at the headers, where a fact is one.
    fn search(&self, fact: Attribute) -> Result<(), EvalError> {
        match fact.is_of_mcp() {
            true => Ok(()),
            false => self.budget.search(self.variables.header_lines(), 0),
        }
    }

    fn map(&mut self, operand: NodeId) -> Result<MapValue<'v>, EvalError> {
        match self.node(operand)? {
            Value::Map(map) => Ok(map),
            _ => Err(EvalError::NoSuchOverload),
        }
    }

    fn matches(&mut self, operand: NodeId, pattern: usize) -> Valued<'v> {
        let Value::String(text) = self.node(operand)? else {
            return Err(EvalError::NoSuchOverload);
        };
        if let Some((_, reading)) = &self.reading
            && matches!(reading.kind, ReadingKind::AnyHost | ReadingKind::AnyUri)
        {
            return Err(EvalError::Ambiguous);
        }
        // A step of an automaton takes longer than a look at a byte.
        self.budget.scan(text.len().saturating_mul(4))?;
        let pattern = self.condition.patterns.get(pattern);
        let found = pattern.and_then(|pattern| pattern.finds(text.as_bytes()));
        found.map(Value::Bool).ok_or(EvalError::NoSuchOverload)
    }

    /// `&&` and `||`: an operand that decides, wherever it stands, makes up for those
    /// that have no value.
    fn junction(&mut self, nodes: &[NodeId], deciding: bool) -> Valued<'v> {
        let mut verdict = Junction::new(deciding);
        for node in nodes {
            let value = self.node(*node);
            if verdict.add(value) {
                break;
            }
        }
        verdict.end()
    }

    fn each(&mut self, kind: Loop, range: NodeId, body: NodeId) -> Valued<'v> {
        let mut items = match self.node(range)? {
            Value::List(list) => {
                // SECURITY: there are servers that leave null out of lists.
                list.len(self.budget)?;
                list.items()
            }
            Value::Map(map) => map.keys(self.budget)?,
            _ => return Err(EvalError::NoSuchOverload),
        };
        match kind {
            Loop::All => self.quantified(&mut items, body, false),
            Loop::Exists => self.quantified(&mut items, body, true),
            Loop::ExistsOne => {
                let mut count: usize = 0;
                while let Some(item) = items.next(self.budget) {
                    if boolean(&self.with(item?, body)?)? {
                        count = count.saturating_add(1);
                    }
                }
                Ok(Value::Bool(count == 1))
            }
            Loop::Map => {
                let mut made = Vec::new();
                while let Some(item) = items.next(self.budget) {
                    made.push(self.with(item?, body)?);
                }
                Value::made_list(made, self.budget)
            }
            Loop::Filter => {
                let mut made = Vec::new();
                while let Some(item) = items.next(self.budget) {
                    let item = item?;
                    if boolean(&self.with(item.clone(), body)?)? {
                        made.push(item);
                    }
                }
                Value::made_list(made, self.budget)
            }
        }
    }

    fn quantified(
        &mut self,
        items: &mut ValueItems<'v>,
        body: NodeId,
        deciding: bool,
    ) -> Valued<'v> {
        let mut verdict = Junction::new(deciding);
        while let Some(item) = items.next(self.budget) {
            let value = item.and_then(|item| self.with(item, body));
            // What is used up stays so: without this a list would be walked to its end.
            if matches!(value, Err(EvalError::Exhausted)) || verdict.add(value.clone()) {
                return value;
            }
        }
        verdict.end()
    }

    /// The body of a loop, at an item.
    fn with(&mut self, item: Value<'v>, body: NodeId) -> Valued<'v> {
        self.items.push(item);
        let value = self.node(body);
        self.items.pop();
        value
    }
}

/// What operands of `&&` or `||` come to, the first error aside.
struct Junction {
    deciding: bool,
    is_decided: bool,
    error: Option<EvalError>,
}

impl Junction {
    const fn new(deciding: bool) -> Self {
        Self {
            deciding,
            is_decided: false,
            error: None,
        }
    }

    /// Adds an operand; whether it decides.
    fn add(&mut self, value: Valued<'_>) -> bool {
        match value.and_then(|value| boolean(&value)) {
            Ok(value) => self.is_decided |= value == self.deciding,
            Err(error) => _ = self.error.get_or_insert(error),
        }
        self.is_decided
    }

    fn end<'v>(self) -> Valued<'v> {
        match self.error {
            Some(error) if !self.is_decided => Err(error),
            _ => Ok(Value::Bool(self.is_decided == self.deciding)),
        }
    }
}

fn boolean(value: &Value<'_>) -> Result<bool, EvalError> {
    match value {
        Value::Bool(value) => Ok(*value),
        _ => Err(EvalError::NoSuchOverload),
    }
}

impl<'v> ListValue<'v> {
    /// Whether a value is among the items.
    pub(super) fn has(&self, value: &Value<'_>, budget: &Budget) -> Result<bool, EvalError> {
        let mut items = self.items();
        while let Some(item) = items.next(budget) {
            if super::compare::equal(&item?, value, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
