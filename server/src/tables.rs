//! Tables that thousands of entries came to and left. A `HashMap` never gives back by itself what it once needed.

use std::{collections::HashMap, hash::Hash};

/// A table up to this large is not worth the work.
const SMALL: usize = 1024;

/// Gives back most of what a table has room for, once no eighth of it is used. Called after every removal, it costs each of
/// them a few entries to be moved at most.
pub fn give_back<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    if table.capacity() > SMALL && table.len() < table.capacity() / 8 {
        table.shrink_to(table.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_thousands_left_is_small_again_and_has_lost_nothing_else() {
        let mut table: HashMap<_, _> = (0..10_000).map(|n| (n, n)).collect();
        let (large, mut moved) = (table.capacity(), 0);
        for n in 10..10_000 {
            table.remove(&n);
            let before = table.capacity();
            give_back(&mut table);
            moved += if table.capacity() < before { table.len() } else { 0 };
        }
        assert!(table.capacity() <= SMALL && SMALL < large, "{} of {large}", table.capacity());
        assert!(moved < 5000, "{moved} entries were moved");
        assert!((0..10).all(|n| table[&n] == n));
    }
}
