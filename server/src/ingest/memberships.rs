//! Memberships that were looked up a moment ago, for momentary commands alone: those come many times a second, and are
//! not worth a query each. Durable commands ask the database, inside their transaction.
//!
//! Deliberately absent: who is no member. They may be one the next moment, and would be refused all the same.

use std::{collections::HashMap, mem, time::Duration};

use parking_lot::Mutex;
use watchbell_protocol::{ProjectId, UserId, event::Role};

use crate::clock::Moment;

/// How long an answer is used. A removed member may go on for as long.
const USED: Duration = Duration::from_secs(2);
/// Answers in each half of what is kept.
const HALF: usize = 2048;

/// What somebody is in a project, and when that was looked up.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    looked_up: Mutex<LookedUp>,
}

/// Two halves, so that nothing has to be searched for what is old: when the young half is full, the old one goes.
#[derive(Debug, Default)]
struct LookedUp {
    young: HashMap<(UserId, ProjectId), (Role, Moment)>,
    old: HashMap<(UserId, ProjectId), (Role, Moment)>,
}

impl Memberships {
    /// What was looked up a moment ago.
    pub(super) fn get(&self, user: UserId, project: ProjectId, now: Moment) -> Option<Role> {
        let looked_up = self.looked_up.lock();
        let found = [&looked_up.young, &looked_up.old].into_iter().find_map(|half| half.get(&(user, project)));
        found.filter(|(_, at)| now < *at + USED).map(|(role, _)| *role)
    }

    /// Notes what was looked up.
    pub(super) fn note(&self, user: UserId, project: ProjectId, role: Role, now: Moment) {
        let mut looked_up = self.looked_up.lock();
        if looked_up.young.len() >= HALF {
            looked_up.old = mem::take(&mut looked_up.young);
        }
        looked_up.young.insert((user, project), (role, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_for_two_seconds_and_what_is_kept_is_bounded() {
        let (memberships, now) = (Memberships::default(), Moment::now());
        let (user, project) = (UserId::fresh(), ProjectId::fresh());
        assert_eq!(memberships.get(user, project, now), None);
        memberships.note(user, project, Role::Member, now);
        assert_eq!(memberships.get(user, project, now + USED / 2), Some(Role::Member));
        assert_eq!(memberships.get(user, project, now + USED), None);
        memberships.note(user, project, Role::Admin, now + USED);
        assert_eq!(memberships.get(user, project, now + USED), Some(Role::Admin), "the newest counts");

        let crowd: Vec<_> = (0..HALF * 3).map(|_| UserId::fresh()).collect();
        for user in &crowd {
            memberships.note(*user, project, Role::Member, now);
            let kept = memberships.looked_up.lock();
            assert!(kept.young.len() <= HALF && kept.old.len() <= HALF);
        }
        let known = crowd.iter().filter(|user| memberships.get(**user, project, now).is_some()).count();
        assert!(known > HALF, "the latest are known");
    }
}
