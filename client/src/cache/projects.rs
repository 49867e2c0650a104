//! Projects, their members and their feeds, as events and state pages make them; and the end of a membership.

use sqlx::SqliteConnection;
use watchbell_protocol::{
    ProjectId, Room, UserId,
    event::{Activity, Member, Project},
};

use super::{Cache, Result, Touched, board};

impl Cache {
    /// The membership ended: nothing of the project stays.
    pub(crate) async fn wipe(&self, project: ProjectId) -> Result<Touched> {
        let mut tx = self.write().await?;
        wipe(&mut tx, project).await?;
        tx.commit().await?;
        let mut touched = Touched::default();
        touched.reset(project);
        // Its rows in the list lose the project's name.
        touched.notifications = true;
        Ok(touched)
    }

    /// The projects of an API token, as the greeting names them.
    pub(crate) async fn name_projects(&self, projects: &[Project]) -> Result<()> {
        let mut tx = self.write().await?;
        for project in projects {
            put_named(&mut tx, project).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The ids of all known projects.
    pub(crate) async fn project_ids(&self) -> Result<Vec<ProjectId>> {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT id FROM projects ORDER BY name").fetch_all(&mut *self.read().await?).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }
}

/// A project that the account belongs to, as the member's own room says.
pub(super) async fn put_own(db: &mut SqliteConnection, project: &Project, sweep: i64) -> Result<()> {
    put(db, project, sweep, "sweep = excluded.sweep, ").await
}

/// A project as its own room says; the member's room decides whether it is in the list.
pub(super) async fn put_named(db: &mut SqliteConnection, project: &Project) -> Result<()> {
    put(db, project, 0, "").await
}

async fn put(db: &mut SqliteConnection, project: &Project, sweep: i64, also: &'static str) -> Result<()> {
    // `also` is one of the two constants above.
    let sql = format!(
        "INSERT INTO projects (id, name, data, sweep) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET {also}name = excluded.name, data = excluded.data"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(project.id.to_string())
        .bind(project.name.as_str())
        .bind(serde_json::to_string(project)?)
        .bind(sweep)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn put_member(
    db: &mut SqliteConnection,
    project: ProjectId,
    member: &Member,
    sweep: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO members (project, user, data, sweep) VALUES (?, ?, ?, ?)
         ON CONFLICT (project, user) DO UPDATE SET data = excluded.data, sweep = excluded.sweep",
    )
    .bind(project.to_string())
    .bind(member.user.to_string())
    .bind(serde_json::to_string(member)?)
    .bind(sweep)
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn remove_member(db: &mut SqliteConnection, project: ProjectId, user: UserId) -> Result<()> {
    sqlx::query("DELETE FROM members WHERE project = ? AND user = ?")
        .bind(project.to_string())
        .bind(user.to_string())
        .execute(&mut *db)
        .await?;
    board::forget_presence(db, Room::Project(project), user).await
}

pub(super) async fn put_activity(
    db: &mut SqliteConnection,
    project: ProjectId,
    entry: &Activity,
    sweep: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO activity (id, project, at, data, sweep) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET at = excluded.at, data = excluded.data, sweep = excluded.sweep",
    )
    .bind(entry.id.to_string())
    .bind(project.to_string())
    .bind(entry.at.0)
    .bind(serde_json::to_string(entry)?)
    .bind(sweep)
    .execute(db)
    .await?;
    Ok(())
}

/// Removes everything of a project. Commands that wait for its room stay: the server refuses them, and says so.
pub(super) async fn wipe(db: &mut SqliteConnection, project: ProjectId) -> Result<()> {
    let (id, room) = (project.to_string(), Room::Project(project).to_string());
    for sql in [
        "DELETE FROM issues WHERE analysis IN (SELECT id FROM analyses WHERE project = ?)",
        "DELETE FROM analyses WHERE project = ?",
        "DELETE FROM activity WHERE project = ?",
        "DELETE FROM members WHERE project = ?",
        "DELETE FROM projects WHERE id = ?",
    ] {
        sqlx::query(sql).bind(&id).execute(&mut *db).await?;
    }
    for sql in [
        "DELETE FROM board WHERE room = ?",
        "DELETE FROM rooms WHERE room = ?",
        "DELETE FROM outbox WHERE settled_room = ?",
    ] {
        sqlx::query(sql).bind(&room).execute(&mut *db).await?;
    }
    Ok(())
}
