//! Bytes as readable data.

use serde::Deserialize;

/// Bytes: a text, or parts one after another.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Body {
    Text(String),
    Parts(Vec<Part>),
}

/// Some bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Part {
    Text(String),
    Hex(Hex),
    Repeat(Repeat),
}

/// Bytes that are no text, two digits each; spaces do not count.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hex {
    hex: String,
}

/// The same text again and again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    repeat: String,
    times: usize,
}

impl Body {
    /// These bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::Parts(vec![Part::Hex(Hex { hex })])
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Parts(parts) => parts.iter().flat_map(Part::bytes).collect(),
        }
    }
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Hex(Hex { hex }) => {
                let digits: Vec<char> = hex.chars().filter(|char| *char != ' ').collect();
                digits
                    .chunks(2)
                    .map(|pair| {
                        let pair: String = pair.iter().collect();
                        u8::from_str_radix(&pair, 16).expect("two hexadecimal digits")
                    })
                    .collect()
            }
            Self::Repeat(Repeat { repeat, times }) => repeat.repeat(*times).into_bytes(),
        }
    }
}
