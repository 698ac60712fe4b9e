//! The streams that hold much, and whose they are.

use super::envelopes::Share;

/// The streams that hold much, each at a place of its own: every piece of a body is accounted
/// for, and there may be tens of thousands.
#[derive(Debug, Default)]
pub(super) struct Readers {
    all: Vec<Reader>,
    /// The places of those that are gone.
    free: Vec<usize>,
    owners: Vec<Owned>,
}

/// A stream that holds much; nothing, where it is gone.
#[derive(Debug)]
struct Reader {
    number: u32,
    /// The place of its owner.
    owner: usize,
    held: usize,
}

/// What an owner holds, in bytes, in so many streams; without any, the place is free.
#[derive(Debug)]
struct Owned {
    owner: Owner,
    held: usize,
    streams: usize,
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
    /// A stream holds much from now on; returns its place.
    pub(super) fn begins(&mut self, number: u32, owner: Owner) -> usize {
        let reader = Reader {
            number,
            owner: self.place_of(owner),
            held: 0,
        };
        let place = self.free.pop().unwrap_or(self.all.len());
        match self.all.get_mut(place) {
            Some(slot) => *slot = reader,
            None => self.all.push(reader),
        }
        place
    }

    /// The stream at a place holds so many bytes now.
    pub(super) fn holds(&mut self, place: usize, held: usize) {
        let Some(reader) = self.all.get_mut(place) else {
            return;
        };
        let before = std::mem::replace(&mut reader.held, held);
        if let Some(owned) = self.owners.get_mut(reader.owner) {
            owned.held = owned.held.saturating_sub(before).saturating_add(held);
        }
    }

    /// The stream at a place is gone.
    pub(super) fn ends(&mut self, place: usize) {
        self.holds(place, 0);
        let owner = self.all.get(place).map(|reader| reader.owner);
        if let Some(owned) = owner.and_then(|owner| self.owners.get_mut(owner)) {
            owned.streams = owned.streams.saturating_sub(1);
        }
        self.free.push(place);
    }

    /// The place of an owner of one stream more.
    fn place_of(&mut self, owner: Owner) -> usize {
        let is_it = |owned: &Owned| owned.streams > 0 && owned.owner == owner;
        let place = self.owners.iter().position(is_it);
        let free = || self.owners.iter().position(|owned| owned.streams == 0);
        let place = place.or_else(free).unwrap_or(self.owners.len());
        match self.owners.get_mut(place) {
            Some(owned) if owned.streams > 0 => owned.streams = owned.streams.saturating_add(1),
            Some(free) => *free = Owned::first(owner),
            None => self.owners.push(Owned::first(owner)),
        }
        place
    }

    /// Of whoever holds the most of a share, the streams that hold the most, up to `enough`
    /// bytes together.
    ///
    /// SECURITY: who fills the budget gives back what it holds, and not those who come after
    /// it.
    pub(super) fn largest(&self, share: Share, enough: usize) -> Vec<u32> {
        let owners = self.owners.iter().enumerate();
        let owners = owners.filter(|(_, owned)| owned.owner.share == share && owned.held > 0);
        let Some((most, _)) = owners.max_by_key(|(_, owned)| owned.held) else {
            return Vec::new();
        };
        let of_it = self.all.iter().filter(|reader| reader.owner == most);
        let mut of_it: Vec<(usize, u32)> = of_it
            .filter(|reader| reader.held > 0)
            .map(|reader| (reader.held, reader.number))
            .collect();
        of_it.sort_unstable();
        let mut left = enough;
        let largest = of_it.into_iter().rev().take_while(|(held, _)| {
            let is_needed = left > 0;
            left = left.saturating_sub(*held);
            is_needed
        });
        largest.map(|(_, number)| number).collect()
    }
}

impl Owned {
    const fn first(owner: Owner) -> Self {
        Self {
            owner,
            held: 0,
            streams: 1,
        }
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
        assert!(readers.largest(Share::Undecided, 1).is_empty());
        let places = owners.map(|(number, owner, held)| {
            let place = readers.begins(number, owner);
            readers.holds(place, 1);
            readers.holds(place, held);
            place
        });
        assert_eq!(readers.largest(Share::Undecided, 1), [3]);
        assert_eq!(readers.largest(Share::Undecided, 41), [3, 2]);
        assert_eq!(readers.largest(Share::Denied, 1), [6]);
        readers.ends(places[2]);
        readers.holds(places[4], 61);
        assert_eq!(readers.largest(Share::Undecided, 1), [5]);
        readers.holds(places[0], 62);
        assert_eq!(readers.largest(Share::Undecided, 1), [1]);
        // What is gone is nobody's, and its places are taken again.
        readers.ends(places[0]);
        let place = readers.begins(7, owners[3].1);
        readers.holds(place, 2);
        assert_eq!(readers.largest(Share::Undecided, 1), [4]);
        readers.ends(place);
        for place in [1, 3, 4, 5].map(|place: usize| places[place]) {
            readers.ends(place);
        }
        assert!(readers.largest(Share::Undecided, 1).is_empty());
        for number in 0..6 {
            readers.begins(number, Owner::new(None, Some(number.into()), Share::Denied));
        }
        assert_eq!((readers.all.len(), readers.owners.len()), (6, 6));
    }
}
