//! Pure: which faults a seed means, and when. A plan can be cut down to some of its steps to find what matters.

use std::time::Duration;

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
}

/// A fault and its time, counted from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

/// Of each eight faults, in some order, two kill the server, four kill a member and two are the network's.
const DECK: [Kind; 8] = [
    Kind::Server,
    Kind::Server,
    Kind::Client,
    Kind::Client,
    Kind::Client,
    Kind::Client,
    Kind::Interruption,
    Kind::Interruption,
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Server,
    Client,
    Interruption,
}

/// The faults of a seed, for that long and so many members.
pub fn plan(seed: u64, lasts: Duration, members: usize) -> Vec<Step> {
    let mut dice = Dice(seed);
    let mut steps = Vec::new();
    let mut at = dice.between(300, 600);
    loop {
        let mut deck = DECK;
        dice.shuffle(&mut deck);
        for kind in deck {
            if at >= lasts {
                return steps;
            }
            steps.push(Step { at, fault: fault(kind, members, &mut dice) });
            at += dice.between(600, 1100);
        }
    }
}

fn fault(kind: Kind, members: usize, dice: &mut Dice) -> Fault {
    let member = dice.below(members as u64) as usize;
    match kind {
        Kind::Server => Fault::KillServer,
        Kind::Client => Fault::KillClient(member),
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
        }
    }

    #[test]
    fn steps_come_in_order_and_within_the_time() {
        let plan = plan(3, Duration::from_secs(10), 4);
        assert!(plan.is_sorted_by_key(|step| step.at));
        assert!(plan.iter().all(|step| step.at < Duration::from_secs(10)));
    }
}
