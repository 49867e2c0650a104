//! `token`: API tokens for CI and scripts.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde::Serialize;
use watchbell_protocol::{ProjectId, TokenId, UnixMillis, event::Project};
use watchbell_server::{
    auth::{Scope, api_token},
    clock::Clock,
    store::{self, api_tokens, api_tokens::ApiToken},
};

use super::{place::Place, project, table};

/// What can be done with API tokens.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Make a token; it is printed once and never again
    #[command(after_long_help = "\
Scopes:
  analysis:run   start analyses in the projects, and report what they find
  notify         notify the projects' members
  activity       post to the projects' feeds
  report:logs    append to the projects' logs

Examples:
  watchbell-server token create ci --project web --scope analysis:run
  watchbell-server token create deploy --project web --project api --scope notify,activity

A job gives the token to `watchbell` as WATCHBELL_TOKEN.")]
    Create {
        /// What it is for; shown as the author of what it does
        name: String,
        /// A project it is good for; may be repeated
        #[arg(long, value_name = "PROJECT", required = true, value_delimiter = ',')]
        project: Vec<String>,
        /// What it may do there; may be repeated
        #[arg(long, value_name = "SCOPE", required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        /// As JSON, with its id
        #[arg(long)]
        json: bool,
    },
    /// List the tokens (not their secrets, which nobody keeps)
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token; live connections that use it end within seconds
    Revoke {
        /// Its id, as `token list` shows it
        #[arg(value_parser = token_id)]
        id: TokenId,
    },
}

fn token_id(text: &str) -> Result<TokenId, &'static str> {
    text.parse().map_err(|_| "a token is revoked by its id; `watchbell-server token list` shows it beside the name")
}

/// Does it.
pub async fn act(action: Action, place: &Place) -> anyhow::Result<()> {
    match action {
        Action::Create { name, project, scope, json } => create(place, &name, &project, scope, json).await,
        Action::List { json } => list(place, json).await,
        Action::Revoke { id } => revoke(place, id).await,
    }
}

async fn create(place: &Place, name: &str, projects: &[String], scopes: Vec<Scope>, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Created {
        id: TokenId,
        token: String,
    }

    if name.trim().is_empty() || name.chars().any(char::is_control) {
        bail!("the name must be one line, not empty");
    }
    let store = place.open_store().await?;
    let id = TokenId::fresh();
    let (text, secret_hash) = api_token::create(id).context("the system gives no random bytes")?;
    let mut tx = store.write().await?;
    let mut kept = ApiToken {
        id,
        name: name.trim().try_into().context("the name")?,
        secret_hash,
        scopes: scopes.into_iter().collect(),
        projects: std::collections::BTreeSet::new(),
        created_at: Clock.now(),
        revoked_at: None,
    };
    for project in projects {
        kept.projects.insert(project::find(&mut tx, project).await?.id);
    }
    api_tokens::insert(&mut tx, &kept).await?;
    tx.commit().await?;
    if json {
        return table::print_json(&Created { id, token: text });
    }
    eprintln!("This is the only time the token is shown. It can be revoked with: token revoke {id}");
    println!("{text}");
    Ok(())
}

async fn list(place: &Place, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Row {
        id: TokenId,
        name: String,
        scopes: Vec<&'static str>,
        projects: Vec<String>,
        created_at: UnixMillis,
        revoked_at: Option<UnixMillis>,
    }

    let store = place.open_store().await?;
    let mut conn = store.look().await?;
    let names: BTreeMap<ProjectId, Project> =
        store::project::all(&mut conn).await?.into_iter().map(|project| (project.id, project)).collect();
    let tokens = api_tokens::all(&mut conn).await?.into_iter().map(|token| Row {
        id: token.id,
        name: token.name.into_string(),
        scopes: token.scopes.iter().map(|scope| scope.name()).collect(),
        projects: token.projects.iter().filter_map(|id| Some(names.get(id)?.name.to_string())).collect(),
        created_at: token.created_at,
        revoked_at: token.revoked_at,
    });
    if json {
        return table::print_json(&tokens.collect::<Vec<_>>());
    }
    let rows = tokens.map(|row| {
        let state = if row.revoked_at.is_some() { "revoked" } else { "active" };
        vec![row.id.to_string(), row.name, row.scopes.join(" "), row.projects.join(" "), state.into()]
    });
    table::print(&["ID", "NAME", "SCOPES", "PROJECTS", "STATE"], rows.collect(), "there are no API tokens yet");
    Ok(())
}

async fn revoke(place: &Place, id: TokenId) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let mut tx = store.write().await?;
    let Some(token) = api_tokens::find(&mut tx, id).await? else {
        bail!("there is no API token {id}; `token list` shows them");
    };
    let changed = api_tokens::revoke(&mut tx, id, Clock.now()).await?;
    tx.commit().await?;
    println!("{} {} revoked", token.name, if changed { "is now" } else { "was already" });
    Ok(())
}
