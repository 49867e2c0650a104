//! The list of projects, and what the overview of one shows.

use sqlx::SqliteConnection;
use watchbell_protocol::{
    AnalysisId, ProjectId, Room,
    event::{Activity, Analysis, Member, Presence, Status},
};

use crate::{
    cache::{Cache, Overlay, Result, analyses, board, position::position},
    view::{Person, ProjectRow, ProjectView, RunMark},
};

/// Entries of the feed that an overview shows.
const ENTRIES: i64 = 100;

impl Cache {
    /// The projects, by name.
    pub(crate) async fn projects(&self) -> Result<Vec<ProjectRow>> {
        let mut tx = self.read().await?;
        let overlay = Overlay::load(&mut tx).await?;
        let projects: Vec<(String, String)> =
            sqlx::query_as("SELECT id, name FROM projects ORDER BY name").fetch_all(&mut *tx).await?;
        let mut rows = Vec::with_capacity(projects.len());
        for (id, name) in projects {
            if let Ok(id) = id.parse() {
                rows.push(row(&mut tx, id, name, &overlay).await?);
            }
        }
        Ok(rows)
    }

    /// What the overview shows; `None` for a project that is not known.
    pub(crate) async fn project(&self, id: ProjectId) -> Result<Option<ProjectView>> {
        let mut tx = self.read().await?;
        let overlay = Overlay::load(&mut tx).await?;
        let name: Option<String> = sqlx::query_scalar("SELECT name FROM projects WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(name) = name else { return Ok(None) };
        let room = Room::Project(id);
        let analysis = latest(&mut tx, id, &overlay).await?;
        let progress = match &analysis {
            Some(analysis) if !analysis.state.is_over() => board::progress(&mut tx, room, analysis.id).await?,
            _ => None,
        };
        Ok(Some(ProjectView {
            project: row(&mut tx, id, name, &overlay).await?,
            known: position(&mut tx, room).await?.is_some(),
            people: people(&mut tx, id).await?,
            analysis,
            progress,
            activity: activity(&mut tx, id).await?,
            trend: trend(&mut tx, id).await?,
        }))
    }

    /// A project's members with their presence: online first, then by name.
    pub(crate) async fn people(&self, project: ProjectId) -> Result<Vec<Person>> {
        people(&mut *self.read().await?, project).await
    }

    /// An analysis without its issues.
    pub(crate) async fn analysis(&self, id: AnalysisId) -> Result<Option<Analysis>> {
        let mut tx = self.read().await?;
        let overlay = Overlay::load(&mut tx).await?;
        let mut analysis = analyses::get(&mut tx, id).await?;
        if let Some(analysis) = &mut analysis {
            overlay.over_analysis(analysis);
        }
        Ok(analysis)
    }

    /// The newest analysis of a project.
    pub(crate) async fn latest_analysis(&self, project: ProjectId) -> Result<Option<AnalysisId>> {
        Ok(analyses::latest(&mut *self.read().await?, project).await?.map(|analysis| analysis.id))
    }
}

async fn latest(db: &mut SqliteConnection, project: ProjectId, overlay: &Overlay) -> Result<Option<Analysis>> {
    let mut analysis = analyses::latest(db, project).await?;
    if let Some(analysis) = &mut analysis {
        overlay.over_analysis(analysis);
    }
    Ok(analysis)
}

async fn row(db: &mut SqliteConnection, id: ProjectId, name: String, overlay: &Overlay) -> Result<ProjectRow> {
    let run = match latest(db, id, overlay).await? {
        None => None,
        Some(analysis) if analysis.state.is_over() => Some(RunMark { state: analysis.state, percent: None }),
        Some(analysis) => {
            let progress = board::progress(db, Room::Project(id), analysis.id).await?;
            Some(RunMark { state: analysis.state, percent: progress.map(|progress| progress.percent) })
        }
    };
    let unread = sqlx::query_scalar(
        "SELECT count(*) FROM notifications WHERE read_at IS NULL AND project = ? AND seq > ?
             AND id NOT IN (SELECT value FROM json_each(?))",
    )
    .bind(id.to_string())
    .bind(overlay.seen_through().0)
    .bind(overlay.read_ids()?)
    .fetch_one(db)
    .await?;
    Ok(ProjectRow { id, name, run, unread })
}

async fn people(db: &mut SqliteConnection, project: ProjectId) -> Result<Vec<Person>> {
    let members: Vec<String> = sqlx::query_scalar("SELECT data FROM members WHERE project = ?")
        .bind(project.to_string())
        .fetch_all(&mut *db)
        .await?;
    let presence = board::presence(db, Room::Project(project)).await?;
    let mut people = Vec::with_capacity(members.len());
    for member in &members {
        let member: Member = serde_json::from_str(member)?;
        let here = presence.iter().find(|presence| presence.user == member.user);
        people.push(person(&member, here));
    }
    people.sort_by_cached_key(|person| {
        (std::cmp::Reverse(person.status), person.display_name.to_lowercase(), person.user)
    });
    Ok(people)
}

fn person(member: &Member, here: Option<&Presence>) -> Person {
    let status = here.map_or(Status::Offline, |presence| presence.status);
    let since = here.map(|presence| presence.since);
    let last_seen = match status {
        Status::Offline => since.max(member.last_seen),
        Status::Away | Status::Online => None,
    };
    let mut devices: Vec<_> =
        here.iter().flat_map(|presence| presence.devices.iter().map(|device| device.kind)).collect();
    devices.dedup();
    Person {
        user: member.user,
        name: member.name.to_string(),
        display_name: member.display_name.to_string(),
        role: member.role,
        status,
        since,
        last_seen,
        devices,
        viewing: here.and_then(|presence| presence.viewing.clone()),
    }
}

async fn activity(db: &mut SqliteConnection, project: ProjectId) -> Result<Vec<Activity>> {
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT data FROM activity WHERE project = ? ORDER BY at DESC, id DESC LIMIT ?")
            .bind(project.to_string())
            .bind(ENTRIES)
            .fetch_all(db)
            .await?;
    rows.iter().map(|data| Ok(serde_json::from_str(data)?)).collect()
}

/// The complete analyses before the latest, which the view shows by itself.
async fn trend(db: &mut SqliteConnection, project: ProjectId) -> Result<Vec<u32>> {
    Ok(sqlx::query_scalar(
        "SELECT total FROM (
             SELECT number, total FROM analyses WHERE project = $1 AND state = 'complete'
             AND number < (SELECT max(number) FROM analyses WHERE project = $1) ORDER BY number DESC LIMIT 30
         ) ORDER BY number",
    )
    .bind(project.to_string())
    .fetch_all(db)
    .await?)
}
