//! The connections that read. A pool of our own, for the engine's library asks every connection whether it is still
//! alive when it comes back: over a network that is wise, for a file it doubles the cost of a query.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Nobody waits longer for a connection: each is held for a few queries.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

/// Connections that read, opened when they are needed for the first time.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    places: Arc<Semaphore>,
}

/// A connection that reads, for a query or a few. Each query sees a moment of its own.
#[derive(Debug)]
pub struct Look {
    /// There until this is dropped.
    conn: Option<SqliteConnection>,
    readers: Arc<Shared>,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions, most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Self(Arc::new(Shared { options, idle: Mutex::default(), places }))
    }

    /// A connection, once one is free.
    pub(super) async fn look(&self) -> sqlx::Result<Look> {
        let place = timeout(LONGEST, self.0.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.0.idle.lock().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.0.options.connect().await?,
        };
        Ok(Look { conn: Some(conn), readers: self.0.clone(), _place: place })
    }

    /// Closes those that are idle; those at work are closed when they are done.
    pub(super) async fn close(&self) {
        self.0.places.close();
        let idle = std::mem::take(&mut *self.0.idle.lock());
        for conn in idle {
            if let Err(error) = conn.close().await {
                tracing::debug!(%error, "a connection that read was not closed cleanly");
            }
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if !self.readers.places.is_closed() {
            self.readers.idle.lock().extend(self.conn.take());
        }
    }
}

impl Deref for Look {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.conn.as_ref().expect("it is taken out by `drop` alone")
    }
}

impl DerefMut for Look {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.conn.as_mut().expect("it is taken out by `drop` alone")
    }
}
