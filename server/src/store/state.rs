//! The state of a room in pages, for a receiver without a usable position.
//!
//! Each page is a short read of its own, so that a slow receiver holds no transaction open. A page read later may
//! already contain what the journal after the head says; applying that once more changes nothing, for everything is
//! upserted by id. After the journal the receiver therefore has what one long read would have given it.

use std::time::Duration;

use watchbell_protocol::{
    AnalysisId, ProjectId, Room, StateItem, Text, UnixMillis, UserId,
    event::{Analysis, AnalysisState, Issue},
};

use super::{
    Conn, Store, activity, analysis, issue, notification,
    project::{self, ProjectsOf},
};

/// How long notifications are kept.
pub const NOTIFICATIONS_KEPT: Duration = Duration::from_hours(30 * 24);

const ANALYSES: u32 = 50;
const ACTIVITIES: u32 = 200;
const NOTIFICATIONS: u32 = 1000;
const ISSUES_PER_PAGE: u32 = 500;
/// About how much text one item of issues may hold: it goes out in one frame, and a connection keeps a buffer of the
/// largest that it ever sent. JSON writes some characters sixfold.
const ITEM_BYTES: usize = 32 * 1024;
/// Of at most so many analyses the issues are sent.
const WITH_ISSUES: usize = 5;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cursor {
    /// Of a project: itself and its members.
    Project(ProjectId),
    /// Of a project: its newest analyses.
    Analyses(ProjectId),
    /// Of a project: the issues of these analyses, the last one first, after this place.
    Issues(ProjectId, Vec<AnalysisId>, issue::Key),
    /// Of a project: its feed.
    Activity(ProjectId),
    /// Of a member: their projects and notifications.
    Own(UserId),
}

impl Cursor {
    /// The first page of a room; a session has no state.
    pub fn first(room: Room) -> Option<Self> {
        match room {
            Room::Project(id) => Some(Self::Project(id)),
            Room::User(id) => Some(Self::Own(id)),
            Room::Session(_) => None,
        }
    }

    /// Reads a page, and where the next one begins.
    pub async fn page(self, store: &Store, now: UnixMillis) -> sqlx::Result<(Vec<StateItem>, Option<Self>)> {
        match self {
            Self::Project(id) => {
                let conn = &mut *store.look().await?;
                let project = project::find(conn, id).await?.map(StateItem::Project);
                let members = project::members(conn, id).await?.into_iter().map(StateItem::Member);
                Ok((project.into_iter().chain(members).collect(), Some(Self::Analyses(id))))
            }
            Self::Analyses(id) => {
                let stored = analysis::newest(&mut *store.look().await?, id, ANALYSES).await?;
                let analyses: Vec<Analysis> = stored.into_iter().map(|stored| stored.analysis).collect();
                let next = Self::Issues(id, with_issues(&analyses), beginning());
                Ok((analyses.into_iter().map(StateItem::Analysis).collect(), Some(next)))
            }
            Self::Issues(id, analyses, after) => issues(&mut *store.look().await?, id, analyses, after).await,
            Self::Activity(id) => {
                let entries = activity::newest(&mut *store.look().await?, id, ACTIVITIES).await?;
                Ok((entries.into_iter().map(StateItem::Activity).collect(), None))
            }
            Self::Own(id) => {
                let since = UnixMillis(now.0 - NOTIFICATIONS_KEPT.as_millis() as i64);
                let projects = store.find(ProjectsOf(id)).await?.into_iter().map(StateItem::Project);
                let notifications = notification::newest(&mut *store.look().await?, id, since, NOTIFICATIONS).await?;
                let notifications = notifications.into_iter().map(StateItem::Notification);
                Ok((projects.chain(notifications).collect(), None))
            }
        }
    }
}

async fn issues(
    conn: &mut Conn,
    project: ProjectId,
    mut analyses: Vec<AnalysisId>,
    after: issue::Key,
) -> sqlx::Result<(Vec<StateItem>, Option<Cursor>)> {
    let Some(&newest) = analyses.last() else { return Ok((Vec::new(), Some(Cursor::Activity(project)))) };
    let issues = issue::page(conn, newest, &after, ISSUES_PER_PAGE).await?;
    let next = match issues.last() {
        Some(last) if issues.len() == ISSUES_PER_PAGE as usize => (last.detector.clone(), last.fingerprint.clone()),
        _ => {
            analyses.pop();
            beginning()
        }
    };
    let items = cut(issues).into_iter().map(|issues| StateItem::Issues { analysis: newest, issues });
    Ok((items.collect(), Some(Cursor::Issues(project, analyses, next))))
}

/// Cuts issues into lists of about `ITEM_BYTES`: an item goes out whole, and one of long texts must fit a frame too.
fn cut(issues: Vec<Issue>) -> Vec<Vec<Issue>> {
    let mut lists: Vec<Vec<Issue>> = Vec::new();
    let mut bytes = 0;
    for issue in issues {
        let texts = [issue.detector.len(), issue.fingerprint.len(), issue.rule.len(), issue.message.len()];
        let length = texts.iter().sum::<usize>() + issue.path.len() + issue.help.as_ref().map_or(0, |help| help.len());
        match lists.last_mut() {
            Some(list) if bytes + length <= ITEM_BYTES => list.push(issue),
            _ => {
                lists.push(vec![issue]);
                bytes = 0;
            }
        }
        bytes += length;
    }
    lists
}

fn beginning() -> issue::Key {
    (Text::clip(""), Text::clip(""))
}

/// The latest complete one and those after it, newest first.
fn with_issues(oldest_first: &[Analysis]) -> Vec<AnalysisId> {
    let latest = oldest_first.iter().rposition(|analysis| analysis.state == AnalysisState::Complete).unwrap_or(0);
    oldest_first[latest..].iter().rev().take(WITH_ISSUES).map(|analysis| analysis.id).collect()
}
