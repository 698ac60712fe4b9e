//! The streams that hold much, and whose they are.

use std::collections::BinaryHeap;

use super::reader_pool::Share;

/// The streams that hold much, each at a place of its own: every piece of a body is accounted
/// for, and there may be tens of thousands.
#[derive(Debug, Default)]
pub(super) struct Readers {
    all: Vec<OpenBody>,
    /// The places of those that are gone.
    free: Vec<usize>,
    owners: Vec<Owned>,
}

/// A stream that holds much; nothing, where it is gone.
#[derive(Debug)]
struct OpenBody {
    number: u32,
    /// The place of its owner.
    owner: usize,
    held: usize,
}

/// What an owner holds, in bytes, in so many streams; without any, the place is free.
#[derive(Debug)]
struct Owned {
    owner: Owner,
    /// Out of which its streams are read.
    share: Share,
    held: usize,
    streams: usize,
}

/// Whose a stream is: a caller's; or nobody's, over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) is_named: bool,
    /// Two that are the same to this are one, which only they would notice.
    hash: u64,
}

impl Owner {
    pub(super) fn new(caller: Option<&str>, connection: Option<u64>) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let of_name = |name: &str| name.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
        Self {
            is_named: caller.is_some(),
            hash: caller.map_or(connection.unwrap_or_default(), of_name),
        }
    }
}

impl Readers {
    /// A stream holds much from now on; returns its place.
    pub(super) fn begins(&mut self, number: u32, owner: Owner, share: Share) -> usize {
        let reader = OpenBody {
            number,
            owner: self.place_of(owner, share),
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
    fn place_of(&mut self, owner: Owner, share: Share) -> usize {
        let is_it =
            |owned: &Owned| owned.streams > 0 && owned.owner == owner && owned.share == share;
        let place = self.owners.iter().position(is_it);
        let free = || self.owners.iter().position(|owned| owned.streams == 0);
        let place = place.or_else(free).unwrap_or(self.owners.len());
        match self.owners.get_mut(place) {
            Some(owned) if owned.streams > 0 => owned.streams = owned.streams.saturating_add(1),
            Some(free) => *free = Owned::first(owner, share),
            None => self.owners.push(Owned::first(owner, share)),
        }
        place
    }

    /// Of whoever holds the most of a share, the streams that hold the most, up to `enough`
    /// bytes together. All that nobody holds counts as one caller's; of it, the connection that
    /// holds the most comes first.
    ///
    /// SECURITY: who fills the budget gives back what it holds, and not those who come after
    /// it. Many connections of nobody are not each less than one caller.
    pub(super) fn largest(&self, share: Share, enough: usize) -> Vec<u32> {
        let (mut nobodys, mut most, mut payer) = (0_usize, 0, None);
        let owners = self.owners.iter().enumerate();
        for (place, owned) in owners.filter(|(_, owned)| owned.share == share) {
            if !owned.owner.is_named {
                nobodys = nobodys.saturating_add(owned.held);
            } else if owned.held > most {
                (most, payer) = (owned.held, Some(place));
            }
        }
        let payer = payer.filter(|_| most > nobodys);
        let pays = |reader: &OpenBody| {
            let owned = self.owners.get(reader.owner)?;
            let pays = match payer {
                Some(payer) => reader.owner == payer,
                None => owned.share == share && !owned.owner.is_named,
            };
            let rank = (owned.held, reader.owner, reader.held, reader.number);
            (pays && reader.held > 0).then_some(rank)
        };
        let mut paying: BinaryHeap<_> = self.all.iter().filter_map(pays).collect();
        let (mut left, mut largest) = (enough, Vec::new());
        while left > 0
            && let Some((.., held, number)) = paying.pop()
        {
            left = left.saturating_sub(held);
            largest.push(number);
        }
        largest
    }
}

impl Owned {
    const fn first(owner: Owner, share: Share) -> Self {
        Self {
            owner,
            share,
            held: 0,
            streams: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share::Undecided;

    #[test]
    fn who_holds_the_most_gives_up_the_largest() {
        let mut readers = Readers::default();
        let (a, b) = (Some("a"), Some("b"));
        let owners = [
            (1, Owner::new(a, None), SHARE, 50),
            (2, Owner::new(b, None), SHARE, 30),
            (3, Owner::new(b, Some(1)), SHARE, 40),
            (4, Owner::new(None, Some(1)), SHARE, 30),
            (5, Owner::new(None, Some(2)), SHARE, 20),
            (6, Owner::new(a, None), Share::Denied, 500),
        ];
        assert!(readers.largest(SHARE, 1).is_empty());
        let places = owners.map(|(number, owner, share, held)| {
            let place = readers.begins(number, owner, share);
            readers.holds(place, 1);
            readers.holds(place, held);
            place
        });
        assert_eq!(readers.largest(SHARE, 1), [3]);
        assert_eq!(readers.largest(SHARE, 41), [3, 2]);
        assert_eq!(readers.largest(SHARE, 1000), [3, 2]);
        assert_eq!(readers.largest(Share::Denied, 1), [6]);
        readers.ends(places[2]);
        readers.holds(places[4], 31);
        assert_eq!(readers.largest(SHARE, 1), [5]);
        readers.holds(places[0], 62);
        assert_eq!(readers.largest(SHARE, 1), [1]);
        // What is gone is nobody's, and its places are taken again.
        readers.ends(places[0]);
        let place = readers.begins(7, owners[3].1, SHARE);
        readers.holds(place, 2);
        assert_eq!(readers.largest(SHARE, 1), [4]);
        readers.ends(place);
        for place in [1, 3, 4, 5].map(|place: usize| places[place]) {
            readers.ends(place);
        }
        assert!(readers.largest(SHARE, 1).is_empty());
        for number in 0..6 {
            let owner = Owner::new(None, Some(number.into()));
            readers.begins(number, owner, Share::Denied);
        }
        assert_eq!((readers.all.len(), readers.owners.len()), (6, 6));
    }

    #[test]
    fn many_connections_of_nobody_pay_before_one_caller() {
        let mut readers = Readers::default();
        let mut holds = |number, caller, connection: u64, held| {
            let owner = Owner::new(caller, Some(connection));
            let place = readers.begins(number, owner, SHARE);
            readers.holds(place, held);
        };
        holds(0, Some("a"), 1, 600);
        // Of one connection two, which together are more than any other's.
        holds(1, None, 2, 60);
        holds(2, None, 2, 50);
        for number in 3..10 {
            holds(number, None, number.into(), 80 + number as usize);
        }
        assert_eq!(readers.largest(SHARE, 1), [1]);
        assert_eq!(readers.largest(SHARE, 115), [1, 2, 9]);
        assert!(readers.largest(Share::Denied, 1).is_empty());
        // As much as the caller, and it pays.
        for place in 1..8 {
            readers.ends(place);
        }
        assert_eq!(readers.largest(SHARE, 1), [0]);
    }
}
