//! Who and what there is on the Watchbell server under measurement: members, projects, sign-ins.
//!
//! Made in one transaction through the server's own store, for hashing hundreds of passwords would take longer than
//! measuring. What is measured is a server as it is delivered: nothing is left out of it.

use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;
use watchbell_protocol::{
    DeviceId, ProjectId, Room, Seq, Text, UserId,
    event::{DeviceKind, Project, Role},
    http::Account,
};
use watchbell_server::{
    auth::{
        FamilyId,
        access::{AccessTokens, Subject},
        keys::Keys,
        password,
    },
    clock::Clock,
    store::{
        self, Conn, Store,
        accounts::{self, NewSignIn},
    },
};

/// How long a token lasts: a run that takes longer would measure refusals.
const TOKEN: Duration = Duration::from_hours(1);
/// How long a sign-in lasts.
const SIGN_IN: Duration = Duration::from_hours(24);
/// Everybody's password.
pub const PASSWORD: &str = "eight bells and all is well";

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Members.
    pub members: usize,
    /// Projects.
    pub rooms: usize,
    /// Members of each project; with one project that is everybody.
    pub per_room: usize,
}

impl Shape {
    /// One project to which everybody belongs.
    pub fn one_room(members: usize) -> Self {
        Self { members, rooms: 1, per_room: members }
    }

    /// Many projects; the first member belongs to all, to publish there.
    pub fn small_rooms(members: usize, rooms: usize, per_room: usize) -> Self {
        Self { members, rooms, per_room }
    }

    /// The member on the place `place` of a project.
    pub fn member(&self, room: usize, place: usize) -> usize {
        (room * self.per_room + place % self.per_room) % self.members
    }
}

/// A member with a token.
pub(super) struct Member {
    pub(super) id: UserId,
    pub(super) name: String,
    pub(super) token: String,
}

/// What there is.
#[derive(Default)]
pub struct World {
    folder: Option<tempfile::TempDir>,
    pub(super) shape: Option<Shape>,
    pub(super) members: Vec<Member>,
    pub(super) projects: Vec<ProjectId>,
    /// Where the server's numbers are read.
    metrics: Option<String>,
}

impl World {
    /// Makes it in a folder of its own, beside the server's program, which is on a disk: a folder in memory would make
    /// syncing look free.
    pub(super) async fn make(program: &Path, shape: Shape) -> Result<Self> {
        let beside = program.parent().context("a program lies in a folder")?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(beside)?;
        let data = folder.path().join("data");
        let init = Command::new(program).arg("--dir").arg(&data).arg("init").stdout(Stdio::null()).status().await;
        ensure!(init.context("cannot start watchbell-server")?.success(), "`watchbell-server init` failed");

        let keys = Keys::read(&data)?;
        let tokens = AccessTokens::new(&keys, TOKEN);
        let store = Store::open(&data.join(store::FILE_NAME)).await?;
        let mut tx = store.write().await?;
        let hash = password::hash(PASSWORD).map_err(|error| anyhow::anyhow!("passwords cannot be hashed: {error}"))?;
        let mut members = Vec::with_capacity(shape.members);
        for number in 0..shape.members {
            members.push(member(&mut tx, number, &hash, &tokens).await?);
        }
        let mut projects = Vec::with_capacity(shape.rooms);
        for number in 0..shape.rooms {
            projects.push(project(&mut tx, number, shape, &members).await?);
        }
        tx.commit().await?;
        store.close().await;
        Ok(Self { folder: Some(folder), shape: Some(shape), members, projects, metrics: Some(free_address()?) })
    }

    /// How the server is started on it: everything on, and limits that a load from one address does not meet.
    pub(super) fn serve(&self, program: &Path, listen: &str) -> Result<Command> {
        let mut serve = Command::new(program);
        serve.env_clear().stderr(Stdio::null()).arg("--dir").arg(self.data_dir()?);
        let metrics = self.metrics.as_deref().unwrap_or("off");
        let settings = [
            format!("metrics.listen={metrics}"),
            format!("auth.access_token={}s", TOKEN.as_secs()),
            "limits.http_requests_per_second=1000000".to_owned(),
            "limits.http_requests_burst=1000000".to_owned(),
            "limits.connections=1000000".to_owned(),
            "limits.user_connections=1000000".to_owned(),
            "limits.address_connections=1000000".to_owned(),
            "limits.commands_per_second=1000000".to_owned(),
            "limits.commands_burst=1000000".to_owned(),
            "limits.user_commands_per_second=1000000".to_owned(),
            "limits.user_commands_burst=1000000".to_owned(),
            "limits.address_commands_per_second=1000000".to_owned(),
            "limits.address_commands_burst=1000000".to_owned(),
        ];
        for setting in settings {
            serve.args(["--set", &setting]);
        }
        serve.args(["serve", "--listen", listen]);
        Ok(serve)
    }

    /// The data folder.
    pub fn data_dir(&self) -> Result<std::path::PathBuf> {
        Ok(self.folder.as_ref().context("only Watchbell has a data folder")?.path().join("data"))
    }

    /// Where the server's numbers are read, as `ADDRESS:PORT`.
    pub fn metrics(&self) -> Result<&str> {
        self.metrics.as_deref().context("only Watchbell has metrics")
    }

    /// A project's room.
    pub fn project_room(&self, number: usize) -> Result<Room> {
        self.projects.get(number).copied().map(Room::Project).context("there are not as many projects")
    }

    pub(super) fn member(&self, number: usize) -> Result<&Member> {
        self.members.get(number).context("there are not as many members")
    }
}

async fn member(conn: &mut Conn, number: usize, hash: &str, tokens: &AccessTokens) -> Result<Member> {
    let now = Clock.now();
    let (id, name) = (UserId::fresh(), format!("member-{number}"));
    let account = Account { id, name: Text::clip(name.clone()), display_name: Text::clip(name.clone()) };
    accounts::insert(conn, &account, hash, now).await?;
    let subject =
        Subject { user: id, device: DeviceId::fresh(), device_kind: DeviceKind::Other, family: FamilyId::fresh() };
    let sign_in = NewSignIn {
        id: subject.family,
        user: id,
        password_hash: hash,
        device: subject.device,
        device_kind: subject.device_kind,
        device_name: "bench",
        nonce: &Default::default(),
        expires_at: now.plus(SIGN_IN),
    };
    accounts::insert_sign_in(conn, &sign_in, now).await?;
    Ok(Member { id, name, token: tokens.issue(subject, now) })
}

async fn project(conn: &mut Conn, number: usize, shape: Shape, members: &[Member]) -> Result<ProjectId> {
    let project =
        Project { id: ProjectId::fresh(), name: Text::clip(format!("project-{number}")), created_at: Clock.now() };
    store::project::insert(conn, &project).await?;
    let belonging = (0..shape.per_room).map(|place| shape.member(number, place)).chain([0]);
    for member in belonging {
        let user = members.get(member).context("a member's number is below their count")?.id;
        store::project::admit(conn, project.id, user, Role::Member, Seq::ZERO).await?;
    }
    Ok(project.id)
}

/// An address that is free now.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
