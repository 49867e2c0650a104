//! Applying events: effect and position in one transaction per frame.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use watchbell_protocol::{Class, Event, ProjectId, Room, RoomEvent, UserId};

use super::{Cache, Result, Touched, analyses, board, notifications, position, projects, prune};
use crate::{
    change::Shown,
    popup::{Facts, News, Policy},
    session::Moment,
};

/// What popups are decided by.
pub(crate) struct Popups<'a> {
    pub(crate) policy: &'a mut Policy,
    pub(crate) focused: bool,
    pub(crate) news: News,
    pub(crate) at: Moment,
}

impl Popups<'_> {
    pub(super) fn decide(&mut self, read: bool) -> Shown {
        let Self { focused, news, .. } = *self;
        self.policy.decide(Facts { read, focused, news }, self.at.mono)
    }
}

/// What came of a frame.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// What to tell the listeners.
    pub(crate) touched: Touched,
    /// Rooms whose events do not follow on what is known: join again from the position.
    pub(crate) gaps: BTreeSet<Room>,
    /// Which of the frame's events took effect, by index.
    pub(crate) taken: Vec<usize>,
    /// Projects that the member belongs to since.
    pub(crate) entered: BTreeSet<ProjectId>,
    /// Projects that the member no longer belongs to; nothing is left of them.
    pub(crate) left: BTreeSet<ProjectId>,
}

impl Cache {
    /// Applies a frame's events for `me` (`None` for an API token). An event that was applied before is skipped, one
    /// that does not follow is not applied.
    pub(crate) async fn apply(
        &self,
        events: &[RoomEvent],
        me: Option<UserId>,
        popups: &mut Popups<'_>,
    ) -> Result<Applied> {
        #[cfg(feature = "sabotage")]
        super::sabotage::positions_first(self, events).await?;
        let mut tx = self.write().await?;
        let mut applied = Applied::default();
        for (index, event) in events.iter().enumerate() {
            let takes = match (event.seq, event.tag) {
                (Some(seq), Some(tag)) => match place(&mut tx, event.room, seq).await? {
                    #[cfg(feature = "sabotage")]
                    Place::Next { .. } if super::sabotage::drops_this_one() => {
                        position::advance(&mut tx, event.room, seq, tag).await?;
                        false
                    }
                    Place::Next { sweep } => {
                        take_durable(&mut tx, event, me, sweep, popups, &mut applied).await?;
                        position::advance(&mut tx, event.room, seq, tag).await?;
                        true
                    }
                    Place::Known => false,
                    Place::Beyond => {
                        applied.gaps.insert(event.room);
                        false
                    }
                },
                _ => take_momentary(&mut tx, event, &mut applied).await?,
            };
            if takes {
                applied.taken.push(index);
            }
        }
        tx.commit().await?;
        Ok(applied)
    }
}

/// Where an event stands to what is known of its room.
enum Place {
    /// It is the next.
    Next { sweep: i64 },
    /// It was applied before.
    Known,
    /// Something is missing before it.
    Beyond,
}

async fn place(db: &mut SqliteConnection, room: Room, seq: watchbell_protocol::Seq) -> Result<Place> {
    let row: Option<(Option<i64>, i64)> =
        sqlx::query_as("SELECT seq, sweep FROM rooms WHERE room = ?").bind(room.to_string()).fetch_optional(db).await?;
    Ok(match row {
        Some((Some(known), _)) if seq.0 <= known => Place::Known,
        Some((Some(known), sweep)) if seq.0 == known + 1 => Place::Next { sweep },
        _ => Place::Beyond,
    })
}

async fn take_momentary(db: &mut SqliteConnection, event: &RoomEvent, applied: &mut Applied) -> Result<bool> {
    match event.event.class() {
        Class::Latest => {
            board::put(db, event, &mut applied.touched).await?;
            Ok(true)
        }
        Class::Durable => {
            tracing::warn!(room = %event.room, event = event.event.name(), "a durable event without its number: skipped");
            Ok(false)
        }
        Class::Stream | Class::Signal => Ok(false),
    }
}

async fn take_durable(
    db: &mut SqliteConnection,
    event: &RoomEvent,
    me: Option<UserId>,
    sweep: i64,
    popups: &mut Popups<'_>,
    applied: &mut Applied,
) -> Result<()> {
    if let Some((name, key)) = event.event.closes() {
        board::remove(db, event.room, name, &key).await?;
    }
    match event.room {
        Room::User(owner) => in_own_room(db, owner, event, sweep, popups, applied).await,
        Room::Project(project) => in_project(db, project, event, me, sweep, applied).await,
        // Sessions are not kept by this version: its position moves on.
        Room::Session(_) => Ok(()),
    }
}

async fn in_own_room(
    db: &mut SqliteConnection,
    me: UserId,
    event: &RoomEvent,
    sweep: i64,
    popups: &mut Popups<'_>,
    applied: &mut Applied,
) -> Result<()> {
    let touched = &mut applied.touched;
    match &event.event {
        Event::NotificationNew(new) => notifications::put(db, &new.notification, sweep, popups, touched).await?,
        Event::NotificationRead(read) => {
            notifications::read(db, &read.which, read.at).await?;
            touched.notifications = true;
            touched.projects = true;
        }
        Event::NotificationCleared(cleared) => {
            notifications::clear(db, &cleared.which).await?;
            touched.notifications = true;
            touched.projects = true;
        }
        Event::ProjectMemberAdded(added) if added.member.user == me => {
            projects::put_own(db, &added.project, sweep).await?;
            touched.projects = true;
            applied.left.remove(&added.project.id);
            applied.entered.insert(added.project.id);
        }
        Event::ProjectMemberRemoved(removed) if removed.user == me => leave(db, removed.project, applied).await?,
        _ => {}
    }
    Ok(())
}

async fn in_project(
    db: &mut SqliteConnection,
    project: ProjectId,
    event: &RoomEvent,
    me: Option<UserId>,
    sweep: i64,
    applied: &mut Applied,
) -> Result<()> {
    let touched = &mut applied.touched;
    match &event.event {
        Event::ProjectUpdate(update) => {
            projects::put_named(db, &update.project).await?;
            touched.projects = true;
            touched.notifications = true;
        }
        Event::ProjectMemberAdded(added) => {
            projects::put_member(db, project, &added.member, sweep).await?;
            touched.people.insert(project);
        }
        Event::ProjectMemberRemoved(removed) if Some(removed.user) == me => leave(db, project, applied).await?,
        Event::ProjectMemberRemoved(removed) => {
            projects::remove_member(db, project, removed.user).await?;
            touched.people.insert(project);
        }
        Event::ActivityNew(new) => {
            projects::put_activity(db, project, &new.activity, sweep).await?;
            touched.add_activity(project, new.activity.clone());
        }
        other => in_analysis(db, project, other, sweep, touched).await?,
    }
    Ok(())
}

async fn in_analysis(
    db: &mut SqliteConnection,
    project: ProjectId,
    event: &Event,
    sweep: i64,
    touched: &mut Touched,
) -> Result<()> {
    let analysis = match event {
        Event::AnalysisStarted(started) => {
            analyses::put(db, project, &started.analysis, sweep).await?;
            prune::project(db, project).await?;
            touched.projects = true;
            started.analysis.id
        }
        Event::DetectorComplete(complete) => {
            analyses::detector_ended(db, complete.analysis, &complete.detector).await?;
            complete.analysis
        }
        Event::AnalysisIssues(found) => {
            analyses::put_issues(db, found.analysis, &found.issues, sweep).await?;
            analyses::counted(db, found.analysis, found.counts).await?;
            touched.issues.insert(found.analysis);
            return Ok(());
        }
        Event::AnalysisCancelling(cancelling) => {
            analyses::cancelling(db, cancelling.analysis).await?;
            touched.projects = true;
            cancelling.analysis
        }
        Event::AnalysisComplete(watchbell_protocol::event::AnalysisComplete { analysis })
        | Event::AnalysisCancelled(watchbell_protocol::event::AnalysisCancelled { analysis })
        | Event::AnalysisError(watchbell_protocol::event::AnalysisError { analysis }) => {
            analyses::put(db, project, analysis, sweep).await?;
            touched.projects = true;
            touched.progress.remove(&analysis.id);
            analysis.id
        }
        _ => return Ok(()),
    };
    touched.analyses.insert(analysis);
    Ok(())
}

async fn leave(db: &mut SqliteConnection, project: ProjectId, applied: &mut Applied) -> Result<()> {
    projects::wipe(db, project).await?;
    applied.touched.reset(project);
    applied.touched.notifications = true;
    applied.entered.remove(&project);
    applied.left.insert(project);
    Ok(())
}
