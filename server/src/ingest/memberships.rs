//! Memberships that were looked up a moment ago, for momentary commands alone: those come many times a second, and are
//! not worth a query each. Durable commands ask the database, inside their transaction.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use watchbell_protocol::{ProjectId, UserId};

use crate::{auth::policy::Standing, clock::Moment};

/// How long an answer is used. A removed member may go on for as long.
const USED: Duration = Duration::from_secs(2);
/// Answers that are kept; when there are as many, the old ones go.
const KEPT: usize = 4096;

/// What somebody was in a project, and when that was looked up.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    looked_up: Mutex<HashMap<(UserId, ProjectId), (Standing, Moment)>>,
}

impl Memberships {
    /// What was looked up a moment ago.
    pub(super) fn get(&self, user: UserId, project: ProjectId, now: Moment) -> Option<Standing> {
        let looked_up = self.looked_up.lock();
        looked_up.get(&(user, project)).filter(|(_, at)| now < *at + USED).map(|(standing, _)| *standing)
    }

    /// Notes what was looked up.
    pub(super) fn note(&self, user: UserId, project: ProjectId, standing: Standing, now: Moment) {
        let mut looked_up = self.looked_up.lock();
        if looked_up.len() >= KEPT {
            looked_up.retain(|_, (_, at)| now < *at + USED);
        }
        if looked_up.len() < KEPT {
            looked_up.insert((user, project), (standing, now));
        }
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
        memberships.note(user, project, Standing::Stranger, now);
        assert_eq!(memberships.get(user, project, now + USED / 2), Some(Standing::Stranger));
        assert_eq!(memberships.get(user, project, now + USED), None);
        (0..KEPT * 2).for_each(|_| memberships.note(UserId::fresh(), project, Standing::Stranger, now));
        assert_eq!(memberships.looked_up.lock().len(), KEPT);
        memberships.note(user, project, Standing::Stranger, now + USED);
        assert_eq!(memberships.looked_up.lock().len(), 1);
    }
}
