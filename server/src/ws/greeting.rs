//! The first frame of a connection: who the server is, and where the other side may go.

use std::collections::BTreeSet;

use watchbell_protocol::{CAPABILITY_ZSTD, ConnectionId, ProjectId, Room, event::Project, frame::Connected, limits};

use super::shared::Packing;
use crate::{App, auth::Principal, store};

/// The greeting of a new connection.
pub(super) async fn greeting(
    app: &App,
    connection: ConnectionId,
    principal: &Principal,
    packing: Packing,
) -> Connected {
    let projects = match principal {
        Principal::User { .. } => Vec::new(),
        Principal::Token { projects, .. } => named(app, projects).await.unwrap_or_else(|error| {
            tracing::error!(connection.id = %connection, %error, "a token's projects could not be read");
            Vec::new()
        }),
    };
    Connected {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        connection,
        capabilities: match packing {
            Packing::None => Vec::new(),
            Packing::Zstd => vec![CAPABILITY_ZSTD.to_owned()],
        },
        max_frame_bytes: limits::FRAME_BYTES as u32,
        now: app.clock.now(),
        user_room: principal.user().map(Room::User),
        projects,
    }
}

/// The projects of these ids that there are.
async fn named(app: &App, ids: &BTreeSet<ProjectId>) -> sqlx::Result<Vec<Project>> {
    let mut conn = app.store.look().await?;
    let mut projects = Vec::new();
    for &id in ids {
        projects.extend(store::project::find(&mut conn, id).await?);
    }
    Ok(projects)
}
