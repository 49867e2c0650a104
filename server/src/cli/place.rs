//! Where the data folder and the configuration are, and what they say: the only reader of files and environment for
//! the configuration.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use watchbell_server::{
    auth::keys,
    config::{self, Config, Layers},
    store::{self, Store},
};

/// The environment variable of the data folder; it also says where the configuration file is.
const DATA_DIR: &str = "WATCHBELL_SERVER_DATA_DIR";

/// A flag as typed, its option, its value.
pub type Flag = (String, String, String);

/// A configuration and where it came from.
pub struct Place {
    /// The configuration.
    pub config: Config,
    /// The file it was read from, or would be.
    pub config_file: PathBuf,
}

/// Finds and resolves the configuration.
pub fn find(dir: Option<&Path>, file: Option<PathBuf>, set: &[String], flags: Vec<Flag>) -> anyhow::Result<Place> {
    let env: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let named = file.is_some();
    let config_file = file.unwrap_or_else(|| {
        let from_env = env.iter().find(|(name, _)| name == DATA_DIR).map(|(_, value)| Path::new(value));
        let default = Config::default().server.data_dir;
        dir.or(from_env).unwrap_or(&default).join(config::FILE_NAME)
    });
    let text = match fs::read_to_string(&config_file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", config_file.display())),
    };

    let mut all = Vec::new();
    if let Some(dir) = dir {
        all.push(("--dir".to_owned(), "server.data_dir".to_owned(), dir.display().to_string()));
    }
    all.extend(flags);
    for assignment in set {
        let (option, value) = assignment.split_once('=').with_context(|| {
            format!("--set takes SECTION.KEY=VALUE, such as auth.sign_in=7d; {assignment:?} has no `=`")
        })?;
        all.push(("--set".to_owned(), option.trim().to_owned(), value.to_owned()));
    }
    let layers = Layers { file: text.map(|text| (config_file.clone(), text)), env, flags: all };
    Ok(Place { config: layers.resolve()?, config_file })
}

impl Place {
    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.config.server.data_dir
    }

    /// Fails if `init` was never run here.
    pub fn check_initialised(&self) -> anyhow::Result<()> {
        check_initialised(self.data_dir())
    }

    /// The database. A server may be running on it.
    pub async fn open_store(&self) -> anyhow::Result<Store> {
        self.check_initialised()?;
        Ok(Store::open(&self.data_dir().join(store::FILE_NAME)).await?)
    }
}

/// Fails if `init` was never run in `dir`.
pub fn check_initialised(dir: &Path) -> anyhow::Result<()> {
    if dir.join(keys::FILE_NAME).exists() && dir.join(store::FILE_NAME).exists() {
        return Ok(());
    }
    bail!("{} is not a data folder yet: run `watchbell-server --dir {} init` first", dir.display(), dir.display());
}
