//! Memberships that were looked up, for momentary commands alone: those come many times a second, and are not worth a query
//! each. Durable commands ask the database, inside their transaction.
//!
//! Whoever follows the journal tells of changes, and says up to when all were told. Deliberately absent: who is no member, for
//! they may be one the next moment; and who is disabled, for they lose the connection itself.

use std::{collections::HashMap, mem, time::Duration};

use parking_lot::Mutex;
use watchbell_protocol::{ProjectId, UserId, event::Role};

use crate::clock::Moment;

/// How long an answer is used after it was looked up, or last held: if the journal cannot be followed, nobody tells of
/// changes.
const USED: Duration = Duration::from_secs(5);
/// Answers in each half of what is kept.
const HALF: usize = 2048;

/// What somebody is in a project, and when that was looked up.
#[derive(Debug, Default)]
pub struct Memberships {
    looked_up: Mutex<LookedUp>,
}

/// Two halves, so that nothing has to be searched for what is old: when the young half is full, the old one goes.
#[derive(Debug, Default)]
struct LookedUp {
    young: HashMap<(UserId, ProjectId), (Role, Moment)>,
    old: HashMap<(UserId, ProjectId), (Role, Moment)>,
    changes: Changes,
    /// When all of them held.
    held: Option<Moment>,
}

/// How many changes were told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes(u64);

impl Memberships {
    /// What was looked up lately and has not changed since; otherwise what to note the answer with.
    pub fn get(&self, user: UserId, project: ProjectId, now: Moment) -> Result<Role, Changes> {
        let looked_up = self.looked_up.lock();
        let found = [&looked_up.young, &looked_up.old].into_iter().find_map(|half| half.get(&(user, project)));
        let fresh = found.filter(|(_, at)| looked_up.held.unwrap_or(*at).max(*at) + USED > now);
        fresh.map(|(role, _)| *role).ok_or(looked_up.changes)
    }

    /// Notes what was looked up, unless something changed meanwhile: it may be what was there before.
    pub fn note(&self, user: UserId, project: ProjectId, role: Role, now: Moment, since: Changes) {
        let mut looked_up = self.looked_up.lock();
        if looked_up.changes != since {
            return;
        }
        if looked_up.young.len() >= HALF {
            looked_up.old = mem::take(&mut looked_up.young);
        }
        looked_up.young.insert((user, project), (role, now));
    }

    /// Every change up to that moment was told: all that is kept held then.
    pub fn hold(&self, at: Moment) {
        self.looked_up.lock().held = Some(at);
    }

    /// There was a change, and nobody knows whose.
    pub fn forget(&self) {
        let mut looked_up = self.looked_up.lock();
        *looked_up = LookedUp { changes: Changes(looked_up.changes.0 + 1), ..LookedUp::default() };
    }

    /// Somebody was admitted, removed, or is something else now.
    pub fn changed(&self, user: UserId, project: ProjectId) {
        let mut looked_up = self.looked_up.lock();
        looked_up.changes.0 += 1;
        looked_up.young.remove(&(user, project));
        looked_up.old.remove(&(user, project));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_for_a_while_and_what_is_kept_is_bounded() {
        let (memberships, now) = (Memberships::default(), Moment::now());
        let (user, project) = (UserId::fresh(), ProjectId::fresh());
        let since = memberships.get(user, project, now).unwrap_err();
        memberships.note(user, project, Role::Member, now, since);
        assert_eq!(memberships.get(user, project, now + USED / 2), Ok(Role::Member));
        assert_eq!(memberships.get(user, project, now + USED), Err(since));
        memberships.note(user, project, Role::Admin, now + USED, since);
        assert_eq!(memberships.get(user, project, now + USED), Ok(Role::Admin), "the newest counts");

        memberships.hold(now + USED * 3);
        assert_eq!(
            memberships.get(user, project, now + USED * 7 / 2),
            Ok(Role::Admin),
            "all changes were told until then"
        );
        memberships.hold(now);
        assert!(memberships.get(user, project, now + USED * 3).is_err(), "nobody tells any more");

        let crowd: Vec<_> = (0..HALF * 3).map(|_| UserId::fresh()).collect();
        for user in &crowd {
            memberships.note(*user, project, Role::Member, now, since);
            let kept = memberships.looked_up.lock();
            assert!(kept.young.len() <= HALF && kept.old.len() <= HALF);
        }
        let known = crowd.iter().filter(|user| memberships.get(**user, project, now).is_ok()).count();
        assert!(known > HALF, "the latest are known");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_changed_is_forgotten_and_what_was_read_before_is_not_noted_after() {
        let (memberships, now) = (Memberships::default(), Moment::now());
        let ([user, other], project) = ([(); 2].map(|()| UserId::fresh()), ProjectId::fresh());
        let since = memberships.get(user, project, now).unwrap_err();
        memberships.note(user, project, Role::Admin, now, since);
        memberships.note(other, project, Role::Member, now, since);
        memberships.changed(user, project);
        assert_eq!(memberships.get(other, project, now), Ok(Role::Member), "nothing changed for the other");
        let after = memberships.get(user, project, now).unwrap_err();

        memberships.note(user, project, Role::Admin, now, since);
        assert_eq!(memberships.get(user, project, now), Err(after), "it was looked up before the change was told");
        memberships.note(user, project, Role::Member, now, after);
        assert_eq!(memberships.get(user, project, now), Ok(Role::Member));

        // Nor is anything kept or noted if nobody knows whose change it was.
        memberships.forget();
        memberships.note(user, project, Role::Member, now, after);
        let after = memberships.get(user, project, now).unwrap_err();
        memberships.note(user, project, Role::Member, now, after);

        // Also when it is among the older ones.
        for _ in 0..HALF {
            memberships.note(UserId::fresh(), project, Role::Member, now, after);
        }
        assert!(!memberships.looked_up.lock().young.contains_key(&(user, project)));
        memberships.changed(user, project);
        assert!(memberships.get(user, project, now).is_err());
    }
}
