//! Which keys may be waiting: a Bloom filter of one hash and 256 bits. It says at once of most keys that they are not, so
//! that not every value that comes is looked for among all that wait.
//!
//! Deliberately absent: taking one key out. It is made anew when something was taken from what waits.

use crate::hub::board::Key;

/// The keys that were put in, and some more.
#[derive(Debug, Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    /// From now on this key may be waiting.
    pub(super) fn put(&mut self, key: &Key) {
        let (word, bit) = place(key);
        self.0[word] |= bit;
    }

    /// Whether it may be waiting; always `true` if it was put in.
    pub(super) fn may_have(&self, key: &Key) -> bool {
        let (word, bit) = place(key);
        self.0[word] & bit != 0
    }
}

impl<'a> FromIterator<&'a Key> for Seen {
    fn from_iter<T: IntoIterator<Item = &'a Key>>(keys: T) -> Self {
        let mut seen = Self::default();
        keys.into_iter().for_each(|key| seen.put(key));
        seen
    }
}

fn place(key: &Key) -> (usize, u64) {
    let fingerprint = key.fingerprint();
    ((fingerprint >> 6) as usize % 4, 1 << (fingerprint % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_put_in_may_be_there_and_most_others_are_known_not_to_be() {
        let keys: Vec<_> = (0..1000).map(|n| Key::new("analysis:progress", n.to_string())).collect();
        let seen: Seen = keys[..32].iter().collect();
        assert!(keys[..32].iter().all(|key| seen.may_have(key)));
        let others = keys[32..].iter().filter(|key| seen.may_have(key)).count();
        assert!(others < 250, "{others} of 968");
    }
}
