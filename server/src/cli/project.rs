//! `project`: projects and who belongs to them. Changes go through `ingest`, so that a running server tells everybody.

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use watchbell_protocol::{
    Answer, ProjectId, UserId,
    event::{Project, Role},
};
use watchbell_server::{
    clock::Clock,
    domain::Refusal,
    ingest::{AdminCommand, admin},
    store::{self, Conn, Store},
};

use super::{place::Place, table, user};

/// What can be done with projects.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Add a project
    Add {
        /// Its name: lower-case letters, digits, '-', '_' and '.'
        name: String,
    },
    /// List the projects
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say who belongs to a project
    #[command(subcommand)]
    Member(MemberAction),
}

/// What can be done with members of a project.
#[derive(Debug, Subcommand)]
pub enum MemberAction {
    /// Admit somebody, or change what they may do
    #[command(after_long_help = "\
Examples:
  watchbell-server project member add web ada
  watchbell-server project member add web grace --role admin")]
    Add {
        /// The project
        project: String,
        /// Who
        user: String,
        /// What they may do
        #[arg(long, value_enum, default_value = "member")]
        role: RoleName,
    },
    /// Take somebody out; their devices forget the project
    Remove {
        /// The project
        project: String,
        /// Who
        user: String,
    },
    /// List the members
    List {
        /// The project
        project: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// A role as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Reads, runs analyses, posts
    Member,
    /// Also changes the project and its members
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Member => Self::Member,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Does it.
pub async fn act(action: Action, place: &Place) -> anyhow::Result<()> {
    match action {
        Action::Add { name } => add(place, name).await,
        Action::List { json } => list(place, json).await,
        Action::Member(MemberAction::Add { project, user, role }) => admit(place, &project, &user, role.into()).await,
        Action::Member(MemberAction::Remove { project, user }) => remove(place, &project, &user).await,
        Action::Member(MemberAction::List { project, json }) => list_members(place, &project, json).await,
    }
}

async fn add(place: &Place, name: String) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let id = ProjectId::fresh();
    change(&store, AdminCommand::AddProject { id, name: name.clone() }).await?;
    println!("added {name} ({id})");
    Ok(())
}

async fn list(place: &Place, json: bool) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let mut conn = store.look().await?;
    let projects = store::project::all(&mut conn).await?;
    if json {
        return table::print_json(&projects);
    }
    let mut rows = Vec::new();
    for project in projects {
        let members = store::project::members(&mut conn, project.id).await?.len();
        rows.push(vec![project.name.into_string(), members.to_string(), table::when(Some(project.created_at))]);
    }
    table::print(&["NAME", "MEMBERS", "ADDED (UTC)"], rows, "there are no projects yet");
    Ok(())
}

async fn admit(place: &Place, project: &str, name: &str, role: Role) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let (project, user) = find_both(&store, project, name).await?;
    let answer = change(&store, AdminCommand::AddMember { project: project.id, user, role }).await?;
    let change = if answer.seq.is_some() { "is now" } else { "was already" };
    println!("{name} {change} {} of {}", role_name(role), project.name);
    Ok(())
}

async fn remove(place: &Place, project: &str, name: &str) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let (project, user) = find_both(&store, project, name).await?;
    change(&store, AdminCommand::RemoveMember { project: project.id, user }).await?;
    println!("{name} is no longer a member of {}", project.name);
    Ok(())
}

async fn list_members(place: &Place, project: &str, json: bool) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let mut conn = store.look().await?;
    let project = find(&mut conn, project).await?;
    let members = store::project::members(&mut conn, project.id).await?;
    if json {
        return table::print_json(&members);
    }
    let rows = members.into_iter().map(|member| {
        let seen = table::when(member.last_seen);
        vec![member.name.into_string(), member.display_name.into_string(), role_name(member.role).into(), seen]
    });
    table::print(&["NAME", "SHOWN AS", "ROLE", "LAST SEEN (UTC)"], rows.collect(), "nobody belongs to it yet");
    Ok(())
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
    }
}

async fn find_both(store: &Store, project: &str, user: &str) -> anyhow::Result<(Project, UserId)> {
    let mut conn = store.look().await?;
    Ok((find(&mut conn, project).await?, user::find(&mut conn, user).await?))
}

/// Applies a change; a refusal is told in its own words.
async fn change(store: &Store, command: AdminCommand) -> anyhow::Result<Answer> {
    admin(store, command, Clock.now()).await.map_err(|refusal| match refusal {
        Refusal::Wire(error) => anyhow::anyhow!(error.message),
        Refusal::Store(error) => error.into(),
    })
}

/// The project of this name.
pub async fn find(conn: &mut Conn, name: &str) -> anyhow::Result<Project> {
    let found = store::project::find_by_name(conn, name).await?;
    found.with_context(|| format!("there is no project {name:?}; `project list` shows them"))
}
