//! Projects, who belongs to them, and when members were last here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::{Row, sqlite::SqliteRow};
use watchbell_protocol::{
    ProjectId, Room, Seq, Tag, UnixMillis, UserId,
    event::{Member, Project, Role},
};

use super::{
    Conn, codec,
    journal::Mark,
    list,
    together::{Queue, Together, Wish},
};

/// Adds a project; `false` if the name is taken.
pub async fn insert(conn: &mut Conn, project: &Project) -> sqlx::Result<bool> {
    let done =
        sqlx::query("INSERT INTO projects (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING")
            .bind(project.id.to_string())
            .bind(project.name.as_str())
            .bind(project.created_at.0)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// A project by its id.
pub async fn find(conn: &mut Conn, id: ProjectId) -> sqlx::Result<Option<Project>> {
    let row = sqlx::query("SELECT id, name, created_at FROM projects WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A project by its name.
pub async fn find_by_name(conn: &mut Conn, name: &str) -> sqlx::Result<Option<Project>> {
    let row = sqlx::query("SELECT id, name, created_at FROM projects WHERE name = $1")
        .bind(name)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Every project, by name.
pub async fn all(conn: &mut Conn) -> sqlx::Result<Vec<Project>> {
    let rows = sqlx::query("SELECT id, name, created_at FROM projects ORDER BY name").fetch_all(conn).await?;
    rows.iter().map(read).collect()
}

/// Wished for: the projects of a member, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ProjectsOf(pub UserId);

impl Wish for ProjectsOf {
    type Found = Vec<Project>;

    fn queue(together: &Together) -> &Queue<Self> {
        &together.projects
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Vec<Project>>> {
        let found: Vec<(UserId, Project)> = list(
            conn,
            "SELECT json_group_array(
                        json_array(m.member, json_object('id', p.id, 'name', p.name, 'created_at', p.created_at))
                        ORDER BY p.name) AS list
             FROM memberships m JOIN projects p ON p.id = m.project
             WHERE m.member IN (SELECT value FROM json_each($1))",
            wishes,
        )
        .await?;
        let mut projects: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (member, project) in found {
            projects.entry(Self(member)).or_default().push(project);
        }
        Ok(projects)
    }
}

/// What somebody is in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// What they may do.
    pub role: Role,
    /// The number of the event that admitted them.
    pub admitted: Seq,
}

/// The membership of somebody who is not disabled.
pub async fn membership(conn: &mut Conn, project: ProjectId, member: UserId) -> sqlx::Result<Option<Membership>> {
    let row = sqlx::query(
        "SELECT m.role, m.admitted_seq FROM memberships m JOIN users u ON u.id = m.member
         WHERE m.project = $1 AND m.member = $2 AND u.disabled_at IS NULL",
    )
    .bind(project.to_string())
    .bind(member.to_string())
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Membership { role: codec::word(&row, "role")?, admitted: Seq(row.try_get("admitted_seq")?) }))
        .transpose()
}

/// What each of these members is in each of these projects; those who are nothing there are left out, as [`membership`]
/// does.
pub async fn roles(
    conn: &mut Conn,
    members: &BTreeSet<(ProjectId, UserId)>,
) -> sqlx::Result<BTreeMap<(ProjectId, UserId), Role>> {
    let found = list(
        conn,
        "SELECT json_group_array(json_array(json_array(m.project, m.member), m.role)) AS list FROM json_each($1) AS wish
         JOIN memberships m ON m.project = wish.value ->> 0 AND m.member = wish.value ->> 1
         JOIN users u ON u.id = m.member AND u.disabled_at IS NULL",
        members,
    )
    .await?;
    Ok(found.into_iter().collect())
}

/// Wished for: what somebody is in a project, as [`membership`] has it, and the head of the project's room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StandingOf {
    /// Who.
    pub member: UserId,
    /// Where.
    pub project: ProjectId,
}

impl Wish for StandingOf {
    type Found = (Option<Membership>, Mark);

    fn queue(together: &Together) -> &Queue<Self> {
        &together.standings
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Self::Found>> {
        type Found = (ProjectId, UserId, Option<Seq>, Option<Tag>, Option<Role>, Option<Seq>);
        let wishes: BTreeSet<_> =
            wishes.iter().map(|wish| (wish.project, wish.member, Room::Project(wish.project))).collect();
        let found: Vec<Found> = list(
            conn,
            "SELECT json_group_array(json_array(wish.value ->> 0, wish.value ->> 1, r.seq, r.tag, m.role, m.admitted_seq))
                    AS list
             FROM json_each($1) AS wish
             LEFT JOIN rooms r ON r.room = wish.value ->> 2
             LEFT JOIN memberships m ON m.project = wish.value ->> 0 AND m.member = wish.value ->> 1
                  AND EXISTS (SELECT 1 FROM users u WHERE u.id = m.member AND u.disabled_at IS NULL)",
            &wishes,
        )
        .await?;
        let standing = |(project, member, seq, tag, role, admitted): Found| {
            let membership = role.zip(admitted).map(|(role, admitted)| Membership { role, admitted });
            let head = Mark { seq: seq.unwrap_or(Seq::ZERO), tag: tag.unwrap_or_default() };
            (Self { member, project }, (membership, head))
        };
        Ok(found.into_iter().map(standing).collect())
    }
}

/// Admits somebody, or changes their role; an earlier admission stays.
pub async fn admit(conn: &mut Conn, project: ProjectId, member: UserId, role: Role, admitted: Seq) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO memberships (project, member, role, admitted_seq) VALUES ($1, $2, $3, $4)
         ON CONFLICT (project, member) DO UPDATE SET role = excluded.role",
    )
    .bind(project.to_string())
    .bind(member.to_string())
    .bind(codec::to_word(&role)?)
    .bind(admitted.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a membership; `false` if there was none.
pub async fn expel(conn: &mut Conn, project: ProjectId, member: UserId) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM memberships WHERE project = $1 AND member = $2")
        .bind(project.to_string())
        .bind(member.to_string())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The members of a project who are not disabled, by name.
pub async fn members(conn: &mut Conn, project: ProjectId) -> sqlx::Result<Vec<Member>> {
    let rows = sqlx::query(
        "SELECT u.id, u.name, u.display_name, u.last_seen, m.role FROM memberships m JOIN users u ON u.id = m.member
         WHERE m.project = $1 AND u.disabled_at IS NULL ORDER BY u.name",
    )
    .bind(project.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Member {
                user: codec::parsed(row, "id")?,
                name: codec::text(row, "name")?,
                display_name: codec::text(row, "display_name")?,
                role: codec::word(row, "role")?,
                last_seen: codec::maybe_at(row, "last_seen")?,
            })
        })
        .collect()
}

/// A person as a member with `role`, whether they belong to a project or not; `None` for an unknown or disabled one.
pub async fn person(conn: &mut Conn, id: UserId, role: Role) -> sqlx::Result<Option<Member>> {
    let row = sqlx::query("SELECT name, display_name, last_seen FROM users WHERE id = $1 AND disabled_at IS NULL")
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(Member {
            user: id,
            name: codec::text(&row, "name")?,
            display_name: codec::text(&row, "display_name")?,
            role,
            last_seen: codec::maybe_at(&row, "last_seen")?,
        })
    })
    .transpose()
}

/// Notes when somebody was last connected.
pub async fn seen(conn: &mut Conn, member: UserId, at: UnixMillis) -> sqlx::Result<()> {
    sqlx::query("UPDATE users SET last_seen = $2 WHERE id = $1")
        .bind(member.to_string())
        .bind(at.0)
        .execute(conn)
        .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> sqlx::Result<Project> {
    Ok(Project {
        id: codec::parsed(row, "id")?,
        name: codec::text(row, "name")?,
        created_at: UnixMillis(row.try_get("created_at")?),
    })
}
