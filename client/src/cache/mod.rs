//! What is known offline, in `SQLite`: rooms' positions, what their events made, and this device's own waiting commands.
//!
//! An event is applied and its room's position advanced in one transaction; that is the whole of "exactly once".
//! There is one writer. Readers of a file do not wait for it (WAL). Deliberately absent: anything that knows of a
//! socket, and clocks; times are passed in.

mod analyses;
mod apply;
mod board;
mod notifications;
mod open;
mod position;
mod projects;
mod prune;
mod query;
mod resync;
#[cfg(feature = "sabotage")]
mod sabotage;
mod touched;

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction, pool::PoolConnection};
use watchbell_protocol::http::Account;

pub(crate) use apply::{Applied, Popups};
pub(crate) use query::overlay::Overlay;
pub(crate) use touched::Touched;

/// The cache could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// `SQLite` says no.
    #[error("the cache cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// A row is not what this build writes.
    #[error("a row of the cache cannot be read: {0}")]
    Row(#[from] serde_json::Error),
}

pub(crate) type Result<T, E = CacheError> = std::result::Result<T, E>;

/// The cache of one account on one server.
pub(crate) struct Cache {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Held while the cache is open, so that no second client writes the same file.
    lock: parking_lot::Mutex<Option<std::fs::File>>,
}

impl Cache {
    /// A transaction of the one writer.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The one writer, outside a transaction.
    pub(crate) async fn writer(&self) -> Result<PoolConnection<Sqlite>> {
        Ok(self.writer.acquire().await?)
    }

    /// A consistent view for reading: several queries see the same moment.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.readers.begin().await?)
    }

    /// Whether this cache is still `identity`'s (server and account). Another's is emptied first, waiting commands
    /// included: they must not be sent under another name. Says whether it was emptied.
    pub(crate) async fn claim(&self, identity: &str) -> Result<bool> {
        let mut tx = self.write().await?;
        let known = get_meta(&mut tx, "identity").await?;
        let foreign = known.as_deref().is_some_and(|known| known != identity);
        if foreign {
            tracing::info!("the cache belongs to another account: it is emptied");
            for table in ["rooms", "projects", "members", "board", "analyses", "issues", "activity", "notifications"] {
                empty(&mut tx, table).await?;
            }
            for table in ["popups", "outbox", "meta"] {
                empty(&mut tx, table).await?;
            }
        }
        if known.as_deref() != Some(identity) {
            set_meta(&mut tx, "identity", identity).await?;
        }
        tx.commit().await?;
        Ok(foreign)
    }

    /// Who is signed in, as last heard.
    pub(crate) async fn account(&self) -> Result<Option<Account>> {
        let account = get_meta(&mut *self.read().await?, "account").await?;
        Ok(account.map(|account| serde_json::from_str(&account)).transpose()?)
    }

    /// The server's name, as last heard.
    pub(crate) async fn server_name(&self) -> Result<Option<String>> {
        get_meta(&mut *self.read().await?, "server").await
    }

    /// Writes down who signed in where.
    pub(crate) async fn set_account(&self, account: &Account, server: &str) -> Result<()> {
        let mut tx = self.write().await?;
        set_meta(&mut tx, "account", &serde_json::to_string(account)?).await?;
        set_meta(&mut tx, "server", server).await?;
        Ok(tx.commit().await?)
    }

    /// When everything was last up to date.
    pub(crate) async fn saved_at(&self) -> Result<Option<watchbell_protocol::UnixMillis>> {
        let saved = get_meta(&mut *self.read().await?, "saved_at").await?;
        Ok(saved.and_then(|saved| saved.parse().ok()).map(watchbell_protocol::UnixMillis))
    }

    /// Everything is up to date now.
    pub(crate) async fn set_saved_at(&self, at: watchbell_protocol::UnixMillis) -> Result<()> {
        set_meta(&mut *self.writer().await?, "saved_at", &at.0.to_string()).await
    }
}

async fn empty(db: &mut SqliteConnection, table: &'static str) -> Result<()> {
    // The names are those above, none comes from outside.
    sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(db).await?;
    Ok(())
}

async fn get_meta(db: &mut SqliteConnection, key: &str) -> Result<Option<String>> {
    Ok(sqlx::query_scalar("SELECT value FROM meta WHERE key = ?").bind(key.to_owned()).fetch_optional(db).await?)
}

async fn set_meta(db: &mut SqliteConnection, key: &str, value: &str) -> Result<()> {
    sqlx::query("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(key.to_owned())
        .bind(value.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

#[cfg(test)]
mod model_server;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
