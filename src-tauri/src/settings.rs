//! What the app remembers between starts that is no secret: the last sign-in's address and name, the member, this device.
//!
//! Deliberately absent: the refresh token. It is in the keyring or nowhere.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::Url;
use watchbell_protocol::{DeviceId, UserId, http::SignedIn};

/// The member who is signed in, so that the app can open their cache while the server cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Their id.
    pub id: UserId,
    /// The name to show.
    pub display_name: String,
    /// The server's name.
    pub server: String,
}

impl Member {
    /// The member whom the server has just let in.
    pub fn of(answer: &SignedIn) -> Self {
        Self {
            id: answer.account.id,
            display_name: answer.account.display_name.to_string(),
            server: answer.server.clone(),
        }
    }
}

/// The settings as they stand in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// This installation; chosen at the first start.
    pub device: DeviceId,
    /// The server's address of the last sign-in; empty before the first.
    #[serde(default)]
    pub address: String,
    /// The name of the last sign-in; empty before the first.
    #[serde(default)]
    pub name: String,
    /// Who is signed in; absent before the first sign-in and after a sign-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
}

impl Settings {
    fn fresh() -> Self {
        Self { device: DeviceId::fresh(), address: String::new(), name: String::new(), member: None }
    }

    /// Somebody signed in.
    pub fn signed_in(&mut self, server: &Url, answer: &SignedIn) {
        self.address = server.to_string();
        self.name = answer.account.name.to_string();
        self.member = Some(Member::of(answer));
    }
}

/// The settings and the file they are kept in.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    now: Settings,
}

impl SettingsFile {
    /// Reads `settings.json` in `folder`. A file that cannot be read is put aside, never overwritten: the app starts as if
    /// for the first time.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("settings.json");
        let now = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).or_else(|error| {
                tracing::warn!(%error, "the settings could not be read and were put aside");
                fs::rename(&path, path.with_extension("json.unreadable")).map(|()| Settings::fresh())
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Settings::fresh(),
            Err(error) => return Err(error),
        };
        let file = Self { path, now };
        file.write()?; // the device's id is the same at the next start
        Ok(file)
    }

    /// As they are now.
    pub fn get(&self) -> &Settings {
        &self.now
    }

    /// Changes them and writes the file.
    pub fn change(&mut self, change: impl FnOnce(&mut Settings)) -> io::Result<()> {
        change(&mut self.now);
        self.write()
    }

    /// Writes beside the file and renames, so that a crash leaves the old one or the new one.
    fn write(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(&self.now).map_err(io::Error::other)?;
        let beside = self.path.with_extension("json.new");
        fs::write(&beside, bytes)?;
        fs::rename(&beside, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = SettingsFile::open(folder.path()).unwrap();
        let device = file.get().device;
        file.change(|settings| settings.address = "https://bell.example.com/".into()).unwrap();
        let again = SettingsFile::open(folder.path()).unwrap();
        assert_eq!(again.get().device, device);
        assert_eq!(again.get().address, "https://bell.example.com/");
    }

    #[test]
    fn a_broken_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.json"), "{not json").unwrap();
        let file = SettingsFile::open(folder.path()).unwrap();
        assert_eq!(file.get().member, None);
        assert_eq!(fs::read_to_string(folder.path().join("settings.json.unreadable")).unwrap(), "{not json");
    }
}
