//! Results as JUnit XML, for continuous integration.

use std::fmt::Write as _;

use super::Run;
use crate::engine::json::{is_hidden, shown};

/// The results as an XML document.
pub(super) fn text(runs: &[Run]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for run in runs {
        let file = escape(&run.file);
        let tests = run.results.len();
        let failed = run.results.iter().filter(|result| !result.wrong.is_empty());
        let failures = failed.count();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\">"
        );
        for result in &run.results {
            let name = escape(&result.name);
            let line = result.line;
            let _ = write!(
                xml,
                "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{line}\""
            );
            if result.wrong.is_empty() {
                xml.push_str("/>\n");
                continue;
            }
            let message = escape(&result.wrong.join("; "));
            let why = anstream::adapter::strip_str(&result.why).to_string();
            let why = escape(&why);
            let _ = writeln!(
                xml,
                ">\n      <failure message=\"{message}\">{why}</failure>\n    </testcase>"
            );
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// Text as it may stand in XML. What XML has no form for is escaped as in other text, with
/// all that is not seen.
///
/// SPEC: XML 1.0, 2.2 and 2.4.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            letter if is_hidden(letter) => escaped.push_str(&shown(&letter.to_string())),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::TestResult;
    use super::*;

    #[test]
    fn hostile_names_stay_text() {
        let result = TestResult {
            name: "a\"<b>&\u{1}\u{202e}\u{9b}\n".to_owned(),
            line: 3,
            wrong: vec!["x".to_owned()],
            why: "\u{1b}[1mwhy\u{1b}[0m ]]>".to_owned(),
        };
        let run = Run {
            file: "t.yaml".to_owned(),
            results: vec![result],
            idle: Vec::new(),
        };
        let xml = text(&[run]);
        assert!(
            xml.contains("name=\"a&quot;&lt;b&gt;&amp;\\u{1}\\u{202e}\\u{9b}&#10;\""),
            "{xml}"
        );
        assert!(
            xml.contains("<failure message=\"x\">why ]]&gt;</failure>"),
            "{xml}"
        );
    }
}
