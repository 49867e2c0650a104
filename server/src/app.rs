//! The parts that everything shares, built once.

use std::{ops::Deref, path::Path, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, keys::Keys},
    clock::Clock,
    config::Config,
    store::{self, Store},
    timing::Timing,
};

/// The shared parts; a cheap handle.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] consists of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The rhythms.
    pub timing: Timing,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Store,
    /// Who somebody is.
    pub auth: Auth,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Opens the database in the configured folder and builds the parts.
    pub async fn open(config: Config, timing: Timing) -> anyhow::Result<Self> {
        let folder: &Path = &config.server.data_dir;
        let keys = Keys::read(folder)?;
        let store = Store::open(&folder.join(store::FILE_NAME)).await?;
        let auth = Auth::new(&keys, &config.auth, store.clone())?;
        Ok(Self(Arc::new(Parts { config, timing, clock: Clock, store, auth, stopping: CancellationToken::new() })))
    }
}
