//! The streams that hold much, and whose they are.

use super::envelopes::Share;

/// The streams that hold much.
#[derive(Debug, Default)]
pub(super) struct Readers {
    all: Vec<Reader>,
    /// What each owner holds out of each share, in bytes.
    owners: Vec<(Owner, usize)>,
}

/// A stream that holds much.
#[derive(Debug)]
struct Reader {
    number: u32,
    owner: Owner,
    held: usize,
}

/// Whose a stream is, and out of which share it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    share: Share,
    /// Two that are the same to this are one, which only they would notice.
    hash: u64,
}

impl Owner {
    /// A caller; or nobody, over a connection.
    pub(super) fn new(caller: Option<&str>, connection: Option<u64>, share: Share) -> Self {
        let start = match (caller, connection) {
            (Some(_), _) | (None, None) => 0xcbf2_9ce4_8422_2325,
            (None, Some(connection)) => !connection,
        };
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = caller.unwrap_or_default().bytes().fold(start, mix);
        Self { share, hash }
    }
}

impl Readers {
    /// A stream holds so many bytes now.
    pub(super) fn holds(&mut self, number: u32, owner: Owner, held: usize) {
        let mut all = self.all.iter_mut();
        let before = match all.find(|reader| reader.number == number) {
            Some(reader) => std::mem::replace(&mut reader.held, held),
            None => {
                self.all.push(Reader {
                    number,
                    owner,
                    held,
                });
                0
            }
        };
        self.change(owner, before, held);
    }

    pub(super) fn remove(&mut self, number: u32) {
        let Some(at) = self.all.iter().position(|reader| reader.number == number) else {
            return;
        };
        let reader = self.all.swap_remove(at);
        self.change(reader.owner, reader.held, 0);
    }

    fn change(&mut self, owner: Owner, before: usize, after: usize) {
        let Some(at) = self.owners.iter().position(|(known, _)| *known == owner) else {
            self.owners.push((owner, after));
            return;
        };
        let held = self.owners.get_mut(at).map(|(_, held)| {
            *held = held.saturating_sub(before).saturating_add(after);
            *held
        });
        if held == Some(0) {
            self.owners.swap_remove(at);
        }
    }

    /// Of whoever holds the most of a share, the stream that holds the most.
    ///
    /// SECURITY: who fills the budget gives back what it holds, one stream after another, and
    /// not those who come after it.
    pub(super) fn largest(&self, share: Share) -> Option<u32> {
        let owners = self.owners.iter().filter(|(owner, _)| owner.share == share);
        let (most, _) = owners.max_by_key(|(_, held)| *held)?;
        let of_it = self.all.iter().filter(|reader| reader.owner == *most);
        Some(of_it.max_by_key(|reader| reader.held)?.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_the_most_gives_up_the_largest() {
        let mut readers = Readers::default();
        let (a, b) = (Some("a"), Some("b"));
        let owners = [
            (1, Owner::new(a, None, Share::Undecided), 50),
            (2, Owner::new(b, None, Share::Undecided), 30),
            (3, Owner::new(b, Some(1), Share::Undecided), 40),
            (4, Owner::new(None, Some(1), Share::Undecided), 60),
            (5, Owner::new(None, Some(2), Share::Undecided), 60),
            (6, Owner::new(a, None, Share::Denied), 500),
        ];
        assert_eq!(readers.largest(Share::Undecided), None);
        for (number, owner, held) in owners {
            readers.holds(number, owner, 1);
            readers.holds(number, owner, held);
        }
        assert_eq!(readers.largest(Share::Undecided), Some(3));
        assert_eq!(readers.largest(Share::Denied), Some(6));
        readers.remove(3);
        readers.holds(5, owners[4].1, 61);
        assert_eq!(readers.largest(Share::Undecided), Some(5));
        readers.holds(1, owners[0].1, 62);
        assert_eq!(readers.largest(Share::Undecided), Some(1));
        for (number, ..) in owners {
            readers.remove(number);
        }
        assert!(readers.owners.is_empty() && readers.all.is_empty());
    }
}
