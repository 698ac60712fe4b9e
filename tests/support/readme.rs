//! The pages of the repository: every Markdown file, taken apart into pieces.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{root, yaml};

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// From the root of the repository.
    pub path: String,
    /// How many lines it has.
    pub lines: usize,
    /// In the order of the page.
    pub pieces: Vec<Piece>,
}

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A heading: level and text.
    Heading(usize, String),
    /// A line that is neither a heading nor part of a block.
    Line(String),
    /// A fenced block.
    Block { language: String, text: String },
}

/// A table: where it stands, its first header cell, and the first cells of its rows.
#[derive(Debug)]
pub struct Table {
    pub headings: Vec<String>,
    pub header: String,
    pub firsts: Vec<String>,
}

impl Page {
    /// A page from its text.
    pub fn new(path: &str, text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let inner = line.trim_start();
            let fence: String = inner.chars().take_while(|letter| *letter == '`').collect();
            let level = line.chars().take_while(|letter| *letter == '#').count();
            pieces.push(if fence.len() >= 3 {
                let indent = line.len() - inner.len();
                let within = lines.by_ref().take_while(|line| line.trim() != fence);
                let within = within.map(|line| line.get(indent..).unwrap_or_default());
                Piece::Block {
                    language: inner[fence.len()..].trim().to_owned(),
                    text: within.collect::<Vec<_>>().join("\n"),
                }
            } else if (1..=6).contains(&level) && line[level..].starts_with(' ') {
                Piece::Heading(level, line[level..].trim().to_owned())
            } else {
                Piece::Line(line.to_owned())
            });
        }
        Self {
            path: path.to_owned(),
            lines: text.lines().count(),
            pieces,
        }
    }

    /// Every piece but headings, each with the headings above it, the outermost first.
    pub fn contents(&self) -> Vec<(Vec<String>, &Piece)> {
        let mut above: Vec<(usize, String)> = Vec::new();
        let mut contents = Vec::new();
        for piece in &self.pieces {
            if let Piece::Heading(level, text) = piece {
                above.retain(|(outer, _)| outer < level);
                above.push((*level, text.clone()));
            } else {
                let headings = above.iter().map(|(_, text)| text.clone());
                contents.push((headings.collect(), piece));
            }
        }
        contents
    }

    /// The blocks of a language, in order.
    pub fn blocks(&self, of: &str) -> Vec<&str> {
        let blocks = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Block { language, text } => Some((language, text.as_str())),
            _ => None,
        });
        let blocks = blocks.filter(|(language, _)| *language == of);
        blocks.map(|(_, text)| text).collect()
    }

    /// The tables, in order.
    pub fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        let mut is_inside = false;
        for (headings, piece) in self.contents() {
            let row = match piece {
                Piece::Line(line) => line.trim().strip_prefix('|'),
                _ => None,
            };
            let first = row.map(|row| row.split('|').next().unwrap_or_default().trim());
            match (first, tables.last_mut().filter(|_| is_inside)) {
                (Some(first), Some(table)) => table.firsts.push(first.to_owned()),
                (Some(first), None) => tables.push(Table {
                    headings,
                    header: first.replace('`', "").to_lowercase(),
                    firsts: Vec::new(),
                }),
                (None, _) => {}
            }
            is_inside = first.is_some();
        }
        // The row of dashes.
        for table in &mut tables {
            table
                .firsts
                .retain(|first| !first.trim_matches(['-', ':']).is_empty());
        }
        tables
    }
}

/// Every page of the repository, by path.
///
/// # Panics
/// When one cannot be read.
pub fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("UTF-8");
            let path = entry.path();
            let is_folder = entry.file_type().expect("a type").is_dir();
            let is_ours = !name.starts_with('.') && name != "target" && name != "node_modules";
            if is_folder && is_ours {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(read(&path));
            }
        }
    }
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    pages
}

fn read(path: &Path) -> Page {
    let text = fs::read_to_string(path).expect("a page");
    let inner = path.strip_prefix(root()).expect("a path in the repository");
    Page::new(inner.to_str().expect("UTF-8"), &text)
}

/// Each YAML block below a heading of any page and any level, as text and as value.
///
/// # Panics
/// When no page has YAML below such a heading, or one of the blocks is not YAML.
pub fn yaml_of(heading: &str) -> Vec<(String, Value)> {
    let heading = heading.trim_start_matches('#').trim();
    let mut blocks = Vec::new();
    for page in pages() {
        for (headings, piece) in page.contents() {
            if let Piece::Block { language, text } = piece
                && language == "yaml"
                && headings.iter().any(|above| above == heading)
            {
                let value = yaml::parse(text).expect("YAML");
                blocks.push((text.clone(), value));
            }
        }
    }
    assert!(!blocks.is_empty(), "no YAML below `{heading}` on any page");
    blocks
}
