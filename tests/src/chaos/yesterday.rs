//! A database that is copied back: taken from the server while it stands still, put in the place of its own while it is
//! stopped. What the server said in between is forgotten by it, and remembered here for the checker.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Result;

use super::{caches, journals::Forgotten};

/// The database and the log that belongs to it, which may hold what the database has not yet. The third file, the log's
/// index, is made anew from it.
const FILES: [&str; 2] = ["watchbell.db", "watchbell.db-wal"];
const INDEX: &str = "watchbell.db-shm";

/// A copy.
#[derive(Debug)]
pub struct Yesterday {
    folder: PathBuf,
}

impl Yesterday {
    /// Copies the database in `data`, of a server that stands still, into a folder that is made for it.
    pub fn take(data: &Path, folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        // Its threads stop one by one: what was still written meanwhile is copied again.
        loop {
            let before = changed(data)?;
            copy(data, &folder)?;
            if changed(data)? == before {
                return Ok(Self { folder });
            }
        }
    }

    /// Copies it over the database in `data`, of a server that is stopped; gives what is forgotten with that.
    pub async fn put_back(self, data: &Path) -> Result<Forgotten> {
        let (now, _) = caches::journal(&data.join(FILES[0])).await?;
        copy(&self.folder, data)?;
        // Reading the copy merges the two files: only after it was put back as it was.
        let kept = caches::heads(&self.folder.join(FILES[0])).await?;
        fs::remove_dir_all(&self.folder)?;
        Ok(Forgotten::after(kept.into_iter().map(|(room, (seq, _))| (room, seq)).collect(), now))
    }
}

/// When the files were written to.
fn changed(data: &Path) -> io::Result<Vec<SystemTime>> {
    let there = FILES.into_iter().map(|name| data.join(name)).filter(|file| file.exists());
    there.map(|file| file.metadata()?.modified()).collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for name in FILES.into_iter().chain([INDEX]) {
        match fs::remove_file(to.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    for name in FILES.into_iter().filter(|name| from.join(name).exists()) {
        fs::copy(from.join(name), to.join(name))?;
    }
    Ok(())
}
