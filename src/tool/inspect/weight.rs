//! How much memory a dump takes once it is read.

/// A node of the map that an object is, which has room for eleven members, and what is around it.
const NODE: u64 = 640;

/// A node is split where it is full, and five members stay in it at least. The rest is for the
/// nodes above.
const SPLIT: u64 = 5;
const FURTHER_NODE: u64 = NODE + 160;

/// A list, which begins with room for four.
const LIST: u64 = 160;

/// An item of a list, which grows twofold.
const ITEM: u64 = 64;

/// A text, beside its letters.
const TEXT: u64 = 32;

/// Each value once more, where all that is in something is looked at.
const LOOK: u64 = 48;

/// The most that may be taken, in bytes.
const MOST: u64 = 1400 << 20;

/// How deep what is read may be.
const DEPTH: usize = 128;

/// An open list or object.
enum Open {
    List,
    Object { members: u64 },
}

/// Whether there is memory to read a text.
///
/// SECURITY: a small object takes a hundred times its text, so that a limit on bytes is none on
/// memory.
///
/// # Errors
/// Where there is not.
pub fn fits(text: &[u8]) -> Result<(), String> {
    if weight(text) <= MOST {
        return Ok(());
    }
    let most = MOST >> 20;
    Err(format!(
        "the configuration dump is too large: it would take more than {most} MiB of memory"
    ))
}

/// What a text takes at most, with itself and the letters of its texts.
fn weight(text: &[u8]) -> u64 {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let mut weight = length.saturating_mul(2);
    let mut open = Vec::new();
    let mut is_text = false;
    let mut letters = text.iter();
    while let Some(letter) = letters.next() {
        if is_text {
            match letter {
                b'\\' => drop(letters.next()),
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        let more = match letter {
            b'"' => {
                is_text = true;
                TEXT
            }
            b'[' => {
                open.push(Open::List);
                LIST + ITEM + LOOK
            }
            b'{' => {
                open.push(Open::Object { members: 0 });
                LOOK
            }
            b']' | b'}' => {
                open.pop();
                0
            }
            b':' => LOOK + member(open.last_mut()),
            b',' if matches!(open.last(), Some(Open::List)) => ITEM + LOOK,
            _ => 0,
        };
        weight = weight.saturating_add(more);
        // What is deeper is no dump: reading ends there.
        if weight > MOST || open.len() > DEPTH {
            return weight;
        }
    }
    weight
}

/// What one more member takes.
fn member(object: Option<&mut Open>) -> u64 {
    let Some(Open::Object { members }) = object else {
        return 0;
    };
    *members = members.saturating_add(1);
    match *members {
        1 => NODE,
        further if further > 2 * SPLIT && further.is_multiple_of(SPLIT) => FURTHER_NODE,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{ITEM, LIST, LOOK, NODE, TEXT, fits, weight};

    #[test]
    fn what_is_in_it_is_weighed() {
        let own = |text: &str| weight(text.as_bytes()) - 2 * text.len() as u64;
        let list = LIST + ITEM + LOOK;
        assert_eq!(own("0"), 0);
        assert_eq!(own("[]"), list);
        assert_eq!(own("[0, 1]"), list + ITEM + LOOK);
        assert_eq!(own("{}"), LOOK);
        assert_eq!(own(r#"{"a": 0}"#), LOOK + TEXT + NODE + LOOK);
        assert_eq!(own(r#"{"a": 0, "b": 0}"#), 3 * LOOK + 2 * TEXT + NODE);
        // What stands in texts is no more than they are.
        assert_eq!(own(r#""{[:,\"{[:,""#), TEXT);
        assert_eq!(own(r#"["\\", 0]"#), list + TEXT + ITEM + LOOK);
        // What is not whole weighs no less.
        assert_eq!(own("[0"), list);
        assert_eq!(own("\""), TEXT);
        assert_eq!(own("\"\\"), TEXT);
        assert!(own(&"[".repeat(1000)) < 200 * list);
    }

    #[test]
    fn many_members_take_further_nodes() {
        let of = |count: usize| {
            let members: Vec<String> = (0..count).map(|it| format!("\"{it:05}\":0")).collect();
            weight(format!("{{{}}}", members.join(",")).as_bytes())
        };
        let (ten, twenty, thirty) = (of(10), of(20), of(30));
        assert!(twenty - ten > 2 * NODE);
        assert!(thirty - twenty >= twenty - ten);
    }

    #[test]
    fn what_weighs_too_much_does_not_fit() {
        for (item, most) in [
            (r#"{"a":0}"#, 1_900_000),
            ("[]", 5_500_000),
            ("0", 14_000_000),
        ] {
            let text = |count: usize| format!("[{}]", vec![item; count].join(","));
            assert_eq!(fits(text(most / 2).as_bytes()), Ok(()), "{item}");
            let error = fits(text(most).as_bytes()).unwrap_err();
            assert!(error.contains("MiB of memory"), "{error}");
        }
    }
}
