//! API tokens: their scopes and projects, and the hash of their secret.

use std::collections::BTreeSet;

use sqlx::{Row, sqlite::SqliteRow};
use watchbell_protocol::{ProjectId, Text, TokenId, UnixMillis, limits};

use super::{Conn, codec};
use crate::auth::Scope;

/// An API token as it is kept.
#[derive(Clone)]
pub struct ApiToken {
    /// Which.
    pub id: TokenId,
    /// Its name.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// What it may do …
    pub scopes: BTreeSet<Scope>,
    /// … and in which projects.
    pub projects: BTreeSet<ProjectId>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Since when it is refused.
    pub revoked_at: Option<UnixMillis>,
}

/// Keeps a new token.
pub async fn insert(conn: &mut Conn, token: &ApiToken) -> sqlx::Result<()> {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
    sqlx::query("INSERT INTO api_tokens (id, name, secret_hash, scopes, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(token.id.to_string())
        .bind(token.name.as_str())
        .bind(codec::hex(&token.secret_hash))
        .bind(scopes.join(" "))
        .bind(token.created_at.0)
        .execute(&mut *conn)
        .await?;
    for project in &token.projects {
        sqlx::query("INSERT INTO api_token_projects (token, project) VALUES ($1, $2)")
            .bind(token.id.to_string())
            .bind(project.to_string())
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// A token by its id, revoked or not.
pub async fn find(conn: &mut Conn, id: TokenId) -> sqlx::Result<Option<ApiToken>> {
    let row = sqlx::query("SELECT id, name, secret_hash, scopes, created_at, revoked_at FROM api_tokens WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *conn)
        .await?;
    match row {
        Some(row) => read(conn, &row).await.map(Some),
        None => Ok(None),
    }
}

/// Every token, oldest first.
pub async fn all(conn: &mut Conn) -> sqlx::Result<Vec<ApiToken>> {
    let rows = sqlx::query(
        "SELECT id, name, secret_hash, scopes, created_at, revoked_at FROM api_tokens ORDER BY created_at, id",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut tokens = Vec::with_capacity(rows.len());
    for row in &rows {
        tokens.push(read(conn, row).await?);
    }
    Ok(tokens)
}

/// Ends a token; `false` if there is none that was still good.
pub async fn revoke(conn: &mut Conn, id: TokenId, now: UnixMillis) -> sqlx::Result<bool> {
    let done = sqlx::query("UPDATE api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
        .bind(id.to_string())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn read(conn: &mut Conn, row: &SqliteRow) -> sqlx::Result<ApiToken> {
    let id: TokenId = codec::parsed(row, "id")?;
    let projects = sqlx::query("SELECT project FROM api_token_projects WHERE token = $1")
        .bind(id.to_string())
        .fetch_all(conn)
        .await?;
    Ok(ApiToken {
        id,
        name: codec::text(row, "name")?,
        secret_hash: codec::bytes(row, "secret_hash")?,
        // A scope that this build does not know allows nothing in it.
        scopes: row.try_get::<&str, _>("scopes")?.split(' ').filter_map(|scope| scope.parse().ok()).collect(),
        projects: projects.iter().map(|row| codec::parsed(row, "project")).collect::<sqlx::Result<_>>()?,
        created_at: UnixMillis(row.try_get("created_at")?),
        revoked_at: codec::maybe_at(row, "revoked_at")?,
    })
}
