//! The parts that everything shares, built once.

use std::{ops::Deref, path::Path, sync::Arc};

use crate::{
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
        let store = Store::open(&folder.join(store::FILE_NAME)).await?;
        Ok(Self(Arc::new(Parts { config, timing, clock: Clock, store })))
    }
}
