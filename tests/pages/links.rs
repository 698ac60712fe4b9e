//! Links, the length of pages, and files that some page has to name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::readme::{Page, Piece, pages};
use crate::support::root;

/// The most lines of README.md, and of any other page.
const MOST: (usize, usize) = (200, 400);

/// Pages that are lists or generated.
const LONG: [&str; 4] = ["RESULTS.md", "PEERS.md", "DIFFERENCES.md", "CHANGELOG.md"];

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let broken: Vec<String> = pages.iter().flat_map(|page| broken(page, &pages)).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    let count: usize = pages.iter().map(|page| links(page).len()).sum();
    assert!(count > 100, "{count} links");
}

#[test]
fn pages_are_short() {
    let is_long = |page: &&Page| {
        let most = if page.path == "README.md" {
            MOST.0
        } else {
            MOST.1
        };
        let is_listed = LONG.iter().any(|name| page.path.ends_with(name));
        page.lines > most && !is_listed
    };
    let pages = pages();
    let long = pages.iter().filter(is_long);
    let long: Vec<_> = long.map(|page| (&page.path, page.lines)).collect();
    assert!(long.is_empty(), "{long:?}");
}

/// Policy authors find the vectors of a field on the page about that field.
#[test]
fn every_file_of_decision_vectors_is_named() {
    let pages: String = pages().iter().map(|page| super::file(&page.path)).collect();
    for name in names("tests/decisions") {
        assert!(pages.contains(&format!("decisions/{name}")), "{name}");
    }
}

#[test]
fn every_folder_of_tests_and_every_script_is_described() {
    let page = super::file("tests/README.md");
    for name in names("tests").iter().filter(|name| !name.contains('.')) {
        assert!(page.contains(&format!("`{name}/`")), "tests/{name}");
    }
    for name in names("scripts").iter().filter(|name| !name.contains('.')) {
        let script = format!("scripts/{name}");
        let is_folder = root().join(&script).is_dir();
        assert!(is_folder || page.contains(&script), "{script}");
    }
}

#[test]
fn what_leads_nowhere_is_noticed() {
    let other = Page::new("tests/README.md", "# Tests\n\n## One\n\n## One\n");
    let of = |text: &str| {
        let page = Page::new("src/README.md", &format!("# `Source` code\n\n{text}\n"));
        let pages = [page.clone(), other.clone()];
        broken(&page, &pages)
    };
    for link in [
        "[a](nothing.md)",
        "[a](lib.rs#there)",
        "[a](#there)",
        "![a](../tests/bench/nothing.svg)",
        "[a](../tests/README.md#two)",
        "[a](../tests/README.md#one-2)",
        "[a](/etc)",
        "[a](../../..)",
        "<img src=\"nothing.svg\">",
        "## Real\n```sh\n# There\n```\n[a](#there)",
    ] {
        assert_eq!(of(link).len(), 1, "{link}");
    }
    for link in [
        "[a](lib.rs)",
        "[a](#source-code)",
        "[a](../tests/README.md#one-1)",
        "[`a`](engine/)",
        "[a](https://example.com/x#y)",
        "`[a](nothing.md)`",
        "```text\n[a](nothing.md)\n```",
    ] {
        assert_eq!(of(link), [""; 0], "{link}");
    }
}

/// The links of a page that lead nowhere.
fn broken(page: &Page, pages: &[Page]) -> Vec<String> {
    let anchors = pages.iter().map(|page| (page.path.as_str(), anchors(page)));
    let anchors: BTreeMap<&str, Vec<String>> = anchors.collect();
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    let is_broken = |link: &String| {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = match path {
            "" => page.path.clone(),
            path => match inside(&folder.join(path)) {
                Some(inner) => inner,
                None => return true,
            },
        };
        let has_anchor = |known: &Vec<String>| known.iter().any(|known| known == anchor);
        !anchor.is_empty() && !anchors.get(path.as_str()).is_some_and(has_anchor)
    };
    let links = links(page).into_iter();
    let local = links.filter(|link| !link.contains("://") && !link.starts_with("mailto:"));
    let broken = local.filter(is_broken);
    broken
        .map(|link| format!("{}: {link}", page.path))
        .collect()
}

/// A path from the root without `..`, where something of the repository is there.
fn inside(path: &Path) -> Option<String> {
    let root = root().canonicalize().ok()?;
    let found = root.join(path).canonicalize().ok()?;
    let inner = found.strip_prefix(&root).ok()?;
    inner.to_str().map(str::to_owned)
}

/// Where the links and images of a page lead.
fn links(page: &Page) -> Vec<String> {
    let texts = page.pieces.iter().map(|piece| match piece {
        Piece::Heading(_, text) | Piece::Line(text) => text.as_str(),
        Piece::Block { .. } => "",
    });
    let text = texts.collect::<Vec<_>>().join("\n");
    let mut links = Vec::new();
    for paragraph in text.split("\n\n") {
        // Code is no link.
        let plain: String = paragraph.split('`').step_by(2).collect();
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            let rests = plain.split(opening).skip(1);
            let targets = rests.filter_map(|rest| rest.split(closing).next());
            let paths = targets.filter_map(|target| target.split_whitespace().next());
            links.extend(paths.map(str::to_owned));
        }
    }
    links
}

/// The anchors of a page, as GitHub makes them of headings.
fn anchors(page: &Page) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for piece in &page.pieces {
        let Piece::Heading(_, text) = piece else {
            continue;
        };
        let text = text.to_lowercase();
        let is_kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        let kept = text.chars().filter(is_kept);
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = seen.entry(anchor.clone()).or_default();
        anchors.push(match *count {
            0 => anchor,
            again => format!("{anchor}-{again}"),
        });
        *count += 1;
    }
    anchors
}

/// What is in a folder.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "target").collect()
}
