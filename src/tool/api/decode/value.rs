//! Values and the decoders of the simple ones.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::hash::Hash;

use super::problem::{FieldPlace, Located, Problem};
use super::suggest::closest;
use crate::tool::api::yaml::{NodeKind, PlainScalar, Scalar, Style, YamlNode, plain};

/// A value that is about to be decoded.
pub struct Undecoded<'n> {
    /// The value.
    pub node: &'n YamlNode,
    /// Its place.
    pub at: FieldPlace,
}

/// An enumeration of the API.
pub trait Choice: Copy + 'static {
    /// Every value, as the API spells it.
    const ALL: &'static [(&'static str, Self)];
    /// Spellings of before, each with the one that took its place.
    const OLD: &'static [(&'static str, &'static str)] = &[];
}

/// What a string of the API has to look like.
pub struct StringForm {
    /// What it is called: `a DNS name`.
    pub is: &'static str,
    /// The least number of characters.
    pub min: usize,
    /// The greatest number of characters.
    pub max: usize,
    /// Whether the characters are right.
    pub matches: fn(&str) -> bool,
    /// What right characters are.
    pub help: &'static str,
}

/// What an explicitly empty list means.
pub enum EmptyList {
    /// It is refused, with how to mend it: upstream readings go from
    /// "everything" to "nothing".
    Refused(&'static str),
    /// It is a list without items.
    Meant,
}

impl Undecoded<'_> {
    /// Says that the value is of another type than `expected`.
    pub(super) fn mistyped(&self, expected: &str) -> Problem {
        let problem =
            |found: &str| Problem::new(&self.at, format!("expected {expected}, found {found}"));
        let scalar = match &self.node.kind {
            NodeKind::Sequence(_) => return problem("a list"),
            NodeKind::Mapping(_) => return problem("an object"),
            NodeKind::Scalar(scalar) => scalar,
        };
        let found = &scalar.text;
        let quotable = expected == "a string";
        let quote = |problem: Problem| match quotable {
            true => problem.help(format!("quote it: `\"{found}\"`")),
            false => problem,
        };
        match (scalar.style, plain(found)) {
            (Style::Plain, PlainScalar::Null) => {
                problem("null").help("give it a value, or leave the field out")
            }
            (Style::Plain, PlainScalar::Boolean) => {
                quote(problem(&format!("the boolean `{found}`")))
            }
            (Style::Plain, PlainScalar::OldBoolean) => quote(problem(&format!(
                "`{found}`, which is a boolean for an API server"
            ))),
            (Style::Plain, PlainScalar::Integer(_) | PlainScalar::Number) => {
                quote(problem(&format!("the number `{found}`")))
            }
            (Style::Plain, PlainScalar::String) | (Style::Text, _) => {
                problem(&format!("the string `{found}`"))
            }
        }
    }

    /// Refuses tags: they would make the value something else.
    pub(super) fn untagged(&self, problems: &mut Vec<Problem>) -> Option<()> {
        let tag = self.node.tag.as_ref()?;
        problems.push(
            Problem::new(&self.at, format!("the YAML tag `{tag}` is not read"))
                .help("write the value without a tag"),
        );
        Some(())
    }

    fn string(&self, expected: &str, problems: &mut Vec<Problem>) -> Option<String> {
        if self.untagged(problems).is_some() {
            return None;
        }
        match &self.node.kind {
            NodeKind::Scalar(scalar)
                if scalar.style == Style::Text || plain(&scalar.text) == PlainScalar::String =>
            {
                Some(scalar.text.clone())
            }
            _ => {
                problems.push(self.mistyped(expected));
                None
            }
        }
    }
}

/// A decoder of whole numbers between two bounds.
pub fn integer(min: i64, max: i64) -> impl Fn(Undecoded<'_>, &mut Vec<Problem>) -> Option<u64> {
    move |value, problems| {
        if value.untagged(problems).is_some() {
            return None;
        }
        let number = match &value.node.kind {
            NodeKind::Scalar(scalar) if scalar.style == Style::Plain => plain(&scalar.text),
            _ => PlainScalar::String,
        };
        let PlainScalar::Integer(number) = number else {
            let problem = value.mistyped("a whole number");
            let meant = value.node.text().and_then(in_words);
            let meant = meant.filter(|meant| (min..=max).contains(meant));
            problems.push(match meant {
                Some(meant) => problem.help(format!("write the number: `{meant}`")),
                None => problem,
            });
            return None;
        };
        if !(min..=max).contains(&number) {
            problems.push(
                Problem::new(&value.at, format!("`{number}` is out of bounds"))
                    .help(format!("at least {min}, at most {max}")),
            );
            return None;
        }
        u64::try_from(number).ok()
    }
}

/// A number that is quoted, or has a unit of bytes: `1MiB`.
fn in_words(text: &str) -> Option<i64> {
    let units = [
        (["KiB", "Ki"], 1 << 10),
        (["MiB", "Mi"], 1 << 20),
        (["GiB", "Gi"], 1 << 30),
        (["KB", "k"], 1_000),
        (["MB", "M"], 1_000_000),
        (["GB", "G"], 1_000_000_000),
    ];
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim();
    let factor = match unit {
        "" | "B" => 1,
        _ => {
            let mut units = units.iter();
            let is_it = |name: &&str| name.eq_ignore_ascii_case(unit);
            units.find(|(names, _)| names.iter().any(is_it))?.1
        }
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// A decoder of shares from 0 to 1, in millionths.
pub fn millionths(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<u32> {
    const MILLION: f64 = 1e6;
    if value.untagged(problems).is_some() {
        return None;
    }
    let number = match &value.node.kind {
        NodeKind::Scalar(scalar) if scalar.style == Style::Plain => match plain(&scalar.text) {
            PlainScalar::Integer(_) | PlainScalar::Number => scalar.text.parse::<f64>().ok(),
            _ => None,
        },
        _ => None,
    };
    let Some(number) = number else {
        problems.push(value.mistyped("a number from 0 to 1"));
        return None;
    };
    if !(0.0..=1.0).contains(&number) {
        let message = format!("`{number}` is out of bounds");
        let help = "from 0 to 1, such as `0.01` for one of a hundred";
        problems.push(Problem::new(&value.at, message).help(help));
        return None;
    }
    let count = (number * MILLION).round();
    if (number * MILLION - count).abs() > 1e-6 {
        let message = format!("`{number}` has more than six decimals");
        problems.push(Problem::new(&value.at, message).help("the least is `0.000001`"));
        return None;
    }
    // From 0 to a million, and whole.
    Some(count as u32)
}

/// A decoder of booleans.
pub fn boolean(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<bool> {
    match value.node.text() {
        Some("true" | "True" | "TRUE") => Some(true),
        Some("false" | "False" | "FALSE") => Some(false),
        _ => {
            problems.push(value.mistyped("a boolean"));
            None
        }
    }
}

/// A decoder of strings of a form.
pub fn text(
    form: &'static StringForm,
) -> impl Fn(Undecoded<'_>, &mut Vec<Problem>) -> Option<String> {
    move |value, problems| {
        let Some(text) = value.string("a string", problems) else {
            // Quoted it would be refused as well.
            if let NodeKind::Scalar(scalar) = &value.node.kind
                && value.node.tag.is_none()
                && plain(&scalar.text) != PlainScalar::Null
                && !(form.matches)(&scalar.text)
                && let Some(problem) = problems.last_mut()
            {
                problem.help = Some(form.help.into());
            }
            return None;
        };
        let length = text.chars().count();
        let (min, max) = (form.min, form.max);
        let message = if text.is_empty() && min > 0 {
            format!("{} is empty", form.is)
        } else if length < min || length > max {
            format!("{} is {length} characters long", form.is)
        } else if !(form.matches)(&text) {
            format!("`{text}` is not {}", form.is)
        } else {
            return Some(text);
        };
        let problem = Problem::new(&value.at, message);
        problems.push(if length > max {
            problem.help(format!("{max} characters are the most"))
        } else {
            problem.help(form.help)
        });
        None
    }
}

/// A decoder of enumerations.
pub fn choice<T: Choice>(value: Undecoded<'_>, problems: &mut Vec<Problem>) -> Option<T> {
    let names = || T::ALL.iter().map(|(name, _)| *name);
    let text = value.string(&format!("one of {}", listed(names())), problems)?;
    if let Some((_, found)) = T::ALL.iter().find(|(name, _)| *name == text) {
        return Some(*found);
    }
    let lower = text.to_lowercase();
    let end = |name: &&str| lower.len() > 3 && name.to_lowercase().ends_with(&lower);
    let near = T::OLD.iter().find(|(old, _)| *old == text);
    let near = near.map(|(_, name)| *name);
    let near = near.or_else(|| closest(&text, names()).or_else(|| names().find(end)));
    let help = match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("one of {}", listed(names())),
    };
    problems.push(Problem::new(&value.at, format!("unknown value `{text}`")).help(help));
    None
}

/// So many items are read of a list beyond what it may have.
const BEYOND: usize = 100;

/// A decoder of lists of at most `max` items. An item that cannot be read is left out.
pub fn list<T>(
    max: usize,
    empty: EmptyList,
    item: impl Fn(Undecoded<'_>, &mut Vec<Problem>) -> Option<T>,
) -> impl Fn(Undecoded<'_>, &mut Vec<Problem>) -> Option<Vec<Located<T>>> {
    move |value, problems| {
        if value.untagged(problems).is_some() {
            return None;
        }
        let NodeKind::Sequence(nodes) = &value.node.kind else {
            let problem = value.mistyped("a list");
            let mut wrong = Vec::new();
            let (node, at) = (value.node, value.at);
            let fits = item(Undecoded { node, at }, &mut wrong).is_some() && wrong.is_empty();
            problems.push(match &node.kind {
                NodeKind::Scalar(scalar) if fits => {
                    problem.help(format!("`[{}]` would do", listable(scalar)))
                }
                _ if fits => problem.help("write `- ` before it: a list of one"),
                _ => problem,
            });
            return None;
        };
        match &empty {
            EmptyList::Refused(help) if nodes.is_empty() => {
                problems.push(Problem::new(&value.at, "the list is empty").help(*help));
                return None;
            }
            _ => {}
        }
        if nodes.len() > max {
            problems.push(
                Problem::new(&value.at, format!("the list has {} items", nodes.len()))
                    .help(format!("{max} are the most")),
            );
        }
        // SECURITY: of what is too long, all that is wrong could be more than there is memory.
        let items = nodes.iter().take(max.saturating_add(BEYOND)).enumerate();
        let items = items.filter_map(|(index, node)| {
            let field = format!("{}[{index}]", value.at.field);
            let at = FieldPlace {
                span: node.span,
                field,
            };
            let value = item(
                Undecoded {
                    node,
                    at: at.clone(),
                },
                problems,
            )?;
            Some(Located { value, at })
        });
        Some(items.collect())
    }
}

/// A scalar as an item of a list, quoted where it was.
fn listable(Scalar { text, style }: &Scalar) -> String {
    let ends = |letter: char| "[]{}#:\"'".contains(letter);
    match *style == Style::Plain && !text.contains(ends) {
        true => text.clone(),
        false => format!("{text:?}"),
    }
}

/// Refuses keys that were given before.
pub fn refuse_duplicates<'p, K: Display + Eq + Hash>(
    is: &str,
    keys: impl IntoIterator<Item = (K, &'p FieldPlace)>,
    problems: &mut Vec<Problem>,
) {
    let mut seen: HashMap<K, &FieldPlace> = HashMap::new();
    for (key, at) in keys {
        match seen.entry(key) {
            Entry::Occupied(first) => problems.push(
                Problem::new(at, format!("the {is} `{}` is given twice", first.key()))
                    .help("leave one of the two out, or rename it")
                    .related(first.get().span, "first given here"),
            ),
            Entry::Vacant(entry) => {
                entry.insert(at);
            }
        }
    }
}

/// Names in backticks, with commas.
pub(super) fn listed<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
