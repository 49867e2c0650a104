//! Pure: which faults a seed means, and when. A plan can be cut down to some of its steps to find what matters.

use std::{iter, time::Duration};

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server is killed and started again at once.
    KillServer,
    /// The server stands still for that long.
    FreezeServer(Duration),
    /// A member's process is killed and started again at once, on the same cache.
    KillClient(usize),
    /// A member's connections break, and no other comes about for that long.
    Cut(usize, Duration),
    /// Nothing passes between a member and the server for that long; no end sees why.
    FreezeNet(usize, Duration),
    /// A member's network becomes slow for that long.
    SlowNet(usize, Duration),
    /// The server's disk is full for that long.
    FullDisk(Duration),
    /// The server's database is copied; so much later the server is killed, and started again on the copy.
    CopyBack(Duration),
}

impl Fault {
    /// How long it lasts; `None` if it is over at once.
    pub fn lasts(self) -> Option<Duration> {
        match self {
            Self::KillServer | Self::KillClient(_) => None,
            Self::FreezeServer(lasts)
            | Self::Cut(_, lasts)
            | Self::FreezeNet(_, lasts)
            | Self::SlowNet(_, lasts)
            | Self::FullDisk(lasts)
            | Self::CopyBack(lasts) => Some(lasts),
        }
    }
}

/// A fault and its time, counted from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

/// Of each so many faults, in some order: twelve kill a member, six kill the server, four are the network's, and one each
/// is the disk's and the admin's.
const DECK: [(Kind, usize); 5] =
    [(Kind::Client, 12), (Kind::Server, 6), (Kind::Interruption, 4), (Kind::FullDisk, 1), (Kind::CopyBack, 1)];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Server,
    Client,
    Interruption,
    FullDisk,
    CopyBack,
}

/// The faults of a seed, for that long and so many members. A longer plan begins like a shorter one.
pub fn plan(seed: u64, lasts: Duration, members: usize) -> Vec<Step> {
    let mut dice = Dice(seed);
    let mut steps = Vec::new();
    let mut at = dice.between(300, 600);
    // Until when something is done to the database: one at a time, or it would be the harness that breaks it.
    let mut occupied = Duration::ZERO;
    loop {
        let mut deck: Vec<Kind> = DECK.into_iter().flat_map(|(kind, count)| iter::repeat_n(kind, count)).collect();
        dice.shuffle(&mut deck);
        for kind in deck {
            if at >= lasts {
                return steps;
            }
            let mut fault = fault(kind, members, &mut dice);
            if let Fault::FullDisk(lasts) | Fault::CopyBack(lasts) = fault {
                if at < occupied {
                    fault = Fault::KillServer;
                } else {
                    occupied = at + lasts;
                }
            }
            steps.push(Step { at, fault });
            at += dice.between(600, 1100);
        }
    }
}

fn fault(kind: Kind, members: usize, dice: &mut Dice) -> Fault {
    let member = dice.below(members as u64) as usize;
    match kind {
        Kind::Server => Fault::KillServer,
        Kind::Client => Fault::KillClient(member),
        Kind::FullDisk => Fault::FullDisk(dice.between(500, 3000)),
        Kind::CopyBack => Fault::CopyBack(dice.between(500, 4000)),
        Kind::Interruption => match dice.below(4) {
            0 => Fault::Cut(member, dice.between(50, 1500)),
            1 => Fault::FreezeNet(member, dice.between(500, 5000)),
            2 => Fault::SlowNet(member, dice.between(500, 3000)),
            _ => Fault::FreezeServer(dice.between(50, 1500)),
        },
    }
}

/// Splitmix64: the same numbers for the same seed on every machine and in every version.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.below(most_ms - least_ms + 1))
    }

    fn shuffle<T>(&mut self, cards: &mut [T]) {
        for last in (1..cards.len()).rev() {
            cards.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(2);

    #[test]
    fn a_seed_means_the_same_faults_every_time_and_another_seed_means_others() {
        assert_eq!(plan(7, LONG, 6), plan(7, LONG, 6));
        assert_ne!(plan(7, LONG, 6), plan(8, LONG, 6));
    }

    #[test]
    fn two_minutes_of_any_seed_hold_enough_kills() {
        for seed in 0..200 {
            let plan = plan(seed, LONG, 6);
            let count = |is: fn(&Fault) -> bool| plan.iter().filter(|step| is(&step.fault)).count();
            assert!(count(|fault| *fault == Fault::KillServer) >= 26, "seed {seed}");
            assert!(count(|fault| matches!(fault, Fault::KillClient(_))) >= 52, "seed {seed}");
            assert!(count(|fault| matches!(fault, Fault::FullDisk(_))) >= 2, "seed {seed}");
            assert!(count(|fault| matches!(fault, Fault::CopyBack(_))) >= 2, "seed {seed}");
        }
    }

    #[test]
    fn the_database_is_never_copied_back_while_the_disk_is_full() {
        for seed in 0..200 {
            let mut free = Duration::ZERO;
            for step in plan(seed, LONG, 6) {
                if let Fault::FullDisk(lasts) | Fault::CopyBack(lasts) = step.fault {
                    assert!(step.at >= free, "seed {seed}");
                    free = step.at + lasts;
                }
            }
        }
    }

    #[test]
    fn a_longer_plan_begins_like_a_shorter_one() {
        let (long, short) = (plan(5, LONG, 6), plan(5, Duration::from_secs(30), 6));
        assert_eq!(long[..short.len()], short);
    }

    #[test]
    fn steps_come_in_order_and_within_the_time() {
        let plan = plan(3, Duration::from_secs(10), 4);
        assert!(plan.is_sorted_by_key(|step| step.at));
        assert!(plan.iter().all(|step| step.at < Duration::from_secs(10)));
    }
}
