//! Rebuilding a room from its state, by mark and sweep: every page's rows are marked; after the last page the unmarked
//! ones are gone and the position is the state's. Stopped in the middle, nothing was advanced, and it begins again.

use sqlx::SqliteConnection;
use watchbell_protocol::{Epoch, Position, Room, Seq, StateItem, StatePage, Tag, frame::Resync};

use crate::popup::News;

use super::{Applied, Cache, Popups, Result, analyses, notifications, position::position, projects, prune};

impl Cache {
    /// The server cannot serve the position: state pages follow.
    pub(crate) async fn begin_rebuild(&self, room: Room, resync: &Resync) -> Result<()> {
        let head = resync.head;
        sqlx::query(
            "INSERT INTO rooms (room, sweep, head_epoch, head_seq, head_tag) VALUES (?, 1, ?, ?, ?)
             ON CONFLICT (room) DO UPDATE SET sweep = sweep + 1, head_epoch = excluded.head_epoch,
                 head_seq = excluded.head_seq, head_tag = excluded.head_tag",
        )
        .bind(room.to_string())
        .bind(head.epoch.0)
        .bind(head.seq.0)
        .bind(head.tag.0)
        .execute(&mut *self.writer().await?)
        .await?;
        Ok(())
    }

    /// A page of state. One that no `resync` announced counts as a gap.
    pub(crate) async fn apply_page(&self, room: Room, page: &StatePage, popups: &mut Popups<'_>) -> Result<Applied> {
        let mut tx = self.write().await?;
        let mut applied = Applied::default();
        let Some((sweep, head)) = rebuild(&mut tx, room).await? else {
            applied.gaps.insert(room);
            return Ok(applied);
        };
        if position(&mut tx, room).await?.is_none() {
            popups.news = News::BeforeThisDevice;
        }
        for item in &page.items {
            take(&mut tx, room, item, sweep, popups, &mut applied).await?;
        }
        if page.last {
            sweep_out(&mut tx, room, sweep, &mut applied).await?;
            settle(&mut tx, room, head).await?;
        }
        tx.commit().await?;
        Ok(applied)
    }
}

/// The rebuild that is under way in a room.
async fn rebuild(db: &mut SqliteConnection, room: Room) -> Result<Option<(i64, Position)>> {
    let row: Option<(i64, u32, i64, u32)> = sqlx::query_as(
        "SELECT sweep, head_epoch, head_seq, head_tag FROM rooms WHERE room = ? AND head_epoch IS NOT NULL",
    )
    .bind(room.to_string())
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(sweep, epoch, seq, tag)| (sweep, Position { epoch: Epoch(epoch), seq: Seq(seq), tag: Tag(tag) })))
}

async fn take(
    db: &mut SqliteConnection,
    room: Room,
    item: &StateItem,
    sweep: i64,
    popups: &mut Popups<'_>,
    applied: &mut Applied,
) -> Result<()> {
    match (room, item) {
        (Room::User(_), StateItem::Project(project)) => {
            projects::put_own(db, project, sweep).await?;
            applied.touched.projects = true;
            applied.entered.insert(project.id);
        }
        (Room::User(_), StateItem::Notification(notification)) => {
            notifications::put(db, notification, sweep, popups, &mut applied.touched).await?;
        }
        (Room::Project(_), StateItem::Project(project)) => projects::put_named(db, project).await?,
        (Room::Project(project), StateItem::Member(member)) => {
            projects::put_member(db, project, member, sweep).await?;
        }
        (Room::Project(project), StateItem::Analysis(analysis)) => {
            analyses::put(db, project, analysis, sweep).await?;
        }
        (Room::Project(_), StateItem::Issues { analysis, issues }) => {
            analyses::put_issues(db, *analysis, issues, sweep).await?;
        }
        (Room::Project(project), StateItem::Activity(entry)) => {
            projects::put_activity(db, project, entry, sweep).await?;
        }
        _ => tracing::debug!(%room, "a state item that has no place in this room: skipped"),
    }
    Ok(())
}

/// What was in no page is gone.
async fn sweep_out(db: &mut SqliteConnection, room: Room, sweep: i64, applied: &mut Applied) -> Result<()> {
    match room {
        Room::User(_) => {
            sqlx::query("DELETE FROM notifications WHERE sweep <> ?").bind(sweep).execute(&mut *db).await?;
            let gone: Vec<String> =
                sqlx::query_scalar("SELECT id FROM projects WHERE sweep <> ?").bind(sweep).fetch_all(&mut *db).await?;
            for project in gone.iter().filter_map(|id| id.parse().ok()) {
                projects::wipe(db, project).await?;
                applied.left.insert(project);
                applied.touched.reset(project);
            }
            applied.touched.projects = true;
            applied.touched.notifications = true;
        }
        Room::Project(project) => {
            for sql in [
                "DELETE FROM issues WHERE sweep <> ?2 AND analysis IN (SELECT id FROM analyses WHERE project = ?1)",
                "DELETE FROM analyses WHERE project = ?1 AND sweep <> ?2",
                "DELETE FROM activity WHERE project = ?1 AND sweep <> ?2",
                "DELETE FROM members WHERE project = ?1 AND sweep <> ?2",
            ] {
                sqlx::query(sql).bind(project.to_string()).bind(sweep).execute(&mut *db).await?;
            }
            prune::project(db, project).await?;
            applied.touched.reset(project);
        }
        Room::Session(_) => {}
    }
    Ok(())
}

/// The rebuild is complete: its head is the position, and no command's effect is outstanding.
async fn settle(db: &mut SqliteConnection, room: Room, head: Position) -> Result<()> {
    sqlx::query(
        "UPDATE rooms SET epoch = ?, seq = ?, tag = ?, head_epoch = NULL, head_seq = NULL, head_tag = NULL
         WHERE room = ?",
    )
    .bind(head.epoch.0)
    .bind(head.seq.0)
    .bind(head.tag.0)
    .bind(room.to_string())
    .execute(&mut *db)
    .await?;
    sqlx::query("DELETE FROM outbox WHERE settled_room = ?").bind(room.to_string()).execute(db).await?;
    Ok(())
}
