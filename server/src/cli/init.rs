//! `init`: makes what is missing, never changes what is there.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::Context;
use watchbell_server::{
    auth::keys::{self, Keys},
    config,
    store::{self, Store},
};

use super::place::Place;

/// Makes the data folder.
pub async fn init(place: &Place) -> anyhow::Result<()> {
    let dir = place.data_dir();
    say(dir, make_folder(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?);
    let file = &place.config_file;
    say(file, write_new(file).with_context(|| format!("cannot write {}", file.display()))?);
    say(&dir.join(keys::FILE_NAME), Keys::create(dir)?);
    let database = dir.join(store::FILE_NAME);
    let made = make_private(&database).with_context(|| format!("cannot make {}", database.display()))?;
    Store::open(&database).await?.close().await;
    say(&database, made);
    println!("\nNext:  watchbell-server --dir {} user add NAME", dir.display());
    Ok(())
}

fn say(path: &Path, made: bool) {
    println!("{}  {}", if made { "made    " } else { "is there" }, path.display());
}

/// Makes the folder, for its owner only; says whether it did. One that is there keeps its rights.
fn make_folder(dir: &Path) -> io::Result<bool> {
    if dir.is_dir() {
        if others_can_enter(&fs::metadata(dir)?) {
            eprintln!("warning: others than its owner can enter {}: `chmod 700` it", dir.display());
        }
        return Ok(false);
    }
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    Ok(true)
}

#[cfg(unix)]
fn others_can_enter(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn others_can_enter(_: &fs::Metadata) -> bool {
    false
}

/// Makes an empty file for its owner only, which SQLite then fills; says whether it did. Its side files get its rights.
fn make_private(path: &Path) -> io::Result<bool> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes the commented configuration unless there is one.
fn write_new(path: &Path) -> io::Result<bool> {
    match fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(config::template().as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
