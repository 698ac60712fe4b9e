//! Texts that are compared as they stand, and look as if they were more.

use super::constant::{self, How};
use super::subject::{Case, Subject, What};
use crate::engine::expr::Attribute;
use crate::tool::compile::lint::unsatisfiable::{headers, paths};
use crate::tool::compile::lint::{callers, invisible, likeness, objects};

/// What is said of a text, and what to write instead.
type Said = (String, String);

/// What is wrong with a text that something is compared with.
pub(super) fn unlikely(subject: &Subject, how: How, text: &str) -> Option<Said> {
    let Subject { what, case } = subject;
    cased(*case, how, text)
        .or_else(|| star(what, how, text))
        .or_else(|| match what {
            What::Attribute(fact) => {
                never(*fact, *case, how, text).or_else(|| of_fact(*fact, how, text))
            }
            What::Header(name) => of_header(name, how, text),
            What::Argument | What::Other => None,
        })
}

/// What has letters of one case alone is compared with others.
fn cased(case: Option<Case>, how: How, text: &str) -> Option<Said> {
    let (function, is_wrong, right): (_, fn(char) -> bool, _) = match case? {
        Case::Lower => (
            "lowerAscii()",
            |c| c.is_ascii_uppercase(),
            text.to_ascii_lowercase(),
        ),
        Case::Upper => (
            "upperAscii()",
            |c| c.is_ascii_lowercase(),
            text.to_ascii_uppercase(),
        ),
    };
    text.contains(is_wrong).then(|| {
        let message = format!("what `{function}` makes {} `{text}`", how.never());
        (message, format!("write it in the same case: `{right}`"))
    })
}

fn never(fact: Attribute, case: Option<Case>, how: How, text: &str) -> Option<Said> {
    let is_known_so = match case {
        None => true,
        Some(Case::Lower) => !matches!(fact, Attribute::Method | Attribute::McpMethod),
        Some(Case::Upper) => matches!(
            fact,
            Attribute::Path | Attribute::UrlPath | Attribute::Query
        ),
    };
    let help = constant::never(fact, how, text).filter(|_| is_known_so)?;
    Some((constant::message(fact, how, text), help))
}

/// `*` is a letter as any other.
fn star(what: &What, how: How, text: &str) -> Option<Said> {
    let front = text.strip_suffix('*').unwrap_or(text);
    let back = text.strip_prefix('*').unwrap_or(text);
    let is_meant = match what {
        // It says what to write.
        What::Attribute(Attribute::McpMethod) if how == How::Is => return None,
        What::Attribute(Attribute::Path) => text.split('?').next().unwrap_or(text).contains('*'),
        What::Attribute(Attribute::Query) | What::Argument => {
            has_letters(text) && is_of_end(how, text)
        }
        What::Attribute(_) => text.contains('*'),
        What::Header(name) => text.contains('*') && !headers::has_stars(name),
        What::Other => false,
    };
    if !is_meant || (how == How::Contains && text == "*") {
        return None;
    }
    let has_more = |part: &str| part.is_empty() || part.contains('*');
    let help = if !has_more(front) && how.is_front() {
        format!("`startsWith(\"{front}\")` asks for all that begins so")
    } else if !has_more(back) && how.is_back() {
        format!("`endsWith(\"{back}\")` asks for all that ends so")
    } else {
        "ask for parts with `startsWith`, `endsWith` and `contains`, for a pattern with `matches`"
            .to_owned()
    };
    let message = format!("`{text}` is taken as it stands: `*` is no wildcard");
    Some((message, help))
}

/// Where any text may stand, `*` is meant for more only at an end, beside a mark.
fn is_of_end(how: How, text: &str) -> bool {
    match how {
        How::Is => text.ends_with("/*") || text.starts_with("*."),
        How::Begins => text.ends_with('*') && !text.ends_with("**"),
        How::Ends => text.starts_with('*') && !text.starts_with("**"),
        How::Contains => false,
    }
}

fn has_letters(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

fn of_fact(fact: Attribute, how: How, text: &str) -> Option<Said> {
    let said = match fact {
        Attribute::ToolName | Attribute::PromptName => of_name(how, text),
        Attribute::ResourceUri => of_uri(how, text),
        Attribute::Path | Attribute::UrlPath => of_path(how, text),
        Attribute::SpiffeId if how == How::Is => callers::of_no_account(text),
        _ => None,
    };
    said.or_else(|| unseen(text))
}

/// A text with nothing but letters that nobody sees is looked for in earnest.
fn unseen(text: &str) -> Option<Said> {
    let letter = invisible::named(text).filter(|_| has_letters(text))?;
    let message = format!(
        "`{}` has an invisible letter, {letter}",
        invisible::shown(text)
    );
    Some((message, "write it without, unless it is sent so".to_owned()))
}

/// What is said of names that are listed, as far as a part of a name tells.
fn of_name(how: How, name: &str) -> Option<Said> {
    if how == How::Is
        && let Some((message, help)) = objects::mistaken(name, false)
    {
        return Some((message, expression_or(help)));
    }
    let is_anchored = (how.is_front() && name.starts_with('^') && name.len() > 1)
        || (how.is_back() && name.ends_with('$') && name.len() > 1);
    // Between slashes stands a part of a name as well.
    let is_part = how == How::Contains || (how != How::Is && name.starts_with('/'));
    let likeness = likeness::of_name(name).filter(|_| !is_part);
    let (why, help) = match likeness {
        Some(likeness) if likeness.means_several => (likeness.is_none, SEVERAL),
        Some(likeness) => (likeness.is_none, "write the name alone"),
        None if is_anchored => ("it is no regular expression", SEVERAL),
        None => return None,
    };
    let message = format!("`{name}` is taken as it stands: {why}");
    Some((message, help.to_owned()))
}

const SEVERAL: &str = "ask for several with `in [...]`, for a pattern with `matches`";

/// Where names are listed they are written one by one; here there is more to ask by.
fn expression_or(help: &str) -> String {
    match help.starts_with("list every") {
        true => SEVERAL.to_owned(),
        false => help.to_owned(),
    }
}

fn of_uri(how: How, uri: &str) -> Option<Said> {
    if how == How::Is
        && let Some((message, help)) = objects::mistaken(uri, true)
    {
        return Some((message, expression_or(help)));
    }
    if let Some(likeness) = likeness::of_uri(uri).filter(|_| how.is_front()) {
        let message = format!("`{uri}` is taken as it stands: {}", likeness.is_none);
        return Some((message, SEVERAL.to_owned()));
    }
    if how == How::Is {
        let (message, help) = objects::no_uri(uri)?;
        return Some((message, expression_or(help)));
    }
    let may_begin = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let scheme = uri.split(':').next().unwrap_or(uri);
    let is_front = scheme.is_empty() && uri.is_empty()
        || scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(may_begin);
    (how == How::Begins && !is_front).then(|| {
        let message = format!("no uri begins with `{uri}`: a scheme stands before it");
        let help = format!("write it with its scheme, such as `file://{}`", rooted(uri));
        (message, help)
    })
}

/// A path with its `/`.
fn rooted(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}

fn of_path(how: How, text: &str) -> Option<Said> {
    let path = text.split('?').next().unwrap_or(text);
    if let Some(why) = paths::template(path).filter(|_| how.is_front()) {
        let message = format!("`{text}` is taken as it stands: {why}");
        let help = "ask for the front with `startsWith`, for a pattern with `matches`";
        return Some((message, help.to_owned()));
    }
    let ends_blank = text.ends_with(char::is_whitespace) && how.is_back();
    ends_blank.then(|| {
        let message = format!("`{text}` ends in a blank, which is taken as a part of it");
        (message, "write it without the blank".to_owned())
    })
}

fn of_header(name: &str, how: How, value: &str) -> Option<Said> {
    if how == How::Is
        && headers::of_connection(name, None).is_none()
        && let Some(said) = headers::of_connection(name, Some(value))
    {
        return Some(said);
    }
    let blank = [' ', '\t'];
    let is_padded =
        (how.is_front() && value.starts_with(blank)) || (how.is_back() && value.ends_with(blank));
    if is_padded {
        let trimmed = value.trim_matches(blank);
        let message = format!(
            "no header {} `{value}`: blanks at its ends are taken off",
            has(how)
        );
        return Some((message, format!("write it without them: `{trimmed}`")));
    }
    let said = headers::line_break(value).or_else(|| headers::unseen(value));
    said.filter(|_| has_letters(value))
}

/// What a header would have to do.
const fn has(how: How) -> &'static str {
    match how {
        How::Is => "has the value",
        How::Begins => "begins with",
        How::Ends => "ends with",
        How::Contains => "contains",
    }
}
