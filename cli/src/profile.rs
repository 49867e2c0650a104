//! What this machine remembers of its sign-ins: addresses, names and device ids, in one TOML file.
//!
//! Deliberately absent: secrets. Tokens live in the system's keyring, see [`crate::keyring`].

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::Url;
use watchbell_protocol::DeviceId;

use crate::exit::Failure;

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The server that is meant when none is given: that of the last login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Url>,
    /// Every server that was signed in to.
    #[serde(default, rename = "server", skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<SignedInServer>,
}

/// A server that was signed in to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedInServer {
    /// Its address.
    pub url: Url,
    /// The name that signed in.
    pub name: String,
    /// This installation, as that server knows it.
    pub device: DeviceId,
}

impl SignedInServer {
    /// The name of its entry in the keyring.
    pub fn keyring_account(&self) -> String {
        format!("{} at {}", self.name, self.url)
    }
}

impl Profile {
    /// The sign-in at `server`, or at the current server if none is given.
    pub fn find(&self, server: Option<&Url>) -> Option<&SignedInServer> {
        let url = server.or(self.current.as_ref())?;
        self.servers.iter().find(|known| known.url == *url)
    }

    /// Remembers a sign-in, in place of an earlier one at the same server, and makes that server the current one.
    pub fn remember(&mut self, server: SignedInServer) {
        self.current = Some(server.url.clone());
        self.servers.retain(|known| known.url != server.url);
        self.servers.push(server);
    }

    /// Forgets the sign-in at `url`.
    pub fn forget(&mut self, url: &Url) {
        self.servers.retain(|known| known.url != *url);
        if self.current.as_ref() == Some(url) {
            self.current = self.servers.last().map(|known| known.url.clone());
        }
    }
}

/// Where the profile lies.
#[derive(Debug, Clone)]
pub struct ProfileFolder(PathBuf);

impl ProfileFolder {
    /// The system's folder for configuration.
    pub fn of_this_machine() -> Result<Self, Failure> {
        directories::ProjectDirs::from("dev", "Watchbell", "watchbell")
            .map(|dirs| Self(dirs.config_dir().to_owned()))
            .ok_or_else(|| Failure::usage("this account has no home folder to keep the profile in: set HOME"))
    }

    /// That folder. It need not exist.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The profile's file.
    pub fn file(&self) -> PathBuf {
        self.0.join("profile.toml")
    }

    /// The file that is locked while the sign-in `device` is renewed.
    pub fn lock_file(&self, device: DeviceId) -> PathBuf {
        self.0.join(format!("{device}.lock"))
    }

    /// Reads the profile; an absent one is empty.
    pub fn load(&self) -> Result<Profile, Failure> {
        let file = self.file();
        match std::fs::read_to_string(&file) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                let what = error.message();
                Failure::usage(format!(
                    "{} cannot be read: {what}; mend or delete it, then log in again",
                    file.display()
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Profile::default()),
            Err(error) => Err(Failure::usage(format!("{} cannot be read: {error}", file.display()))),
        }
    }

    /// Writes the profile whole: another process reads the old one or the new one, never half of either.
    pub fn save(&self, profile: &Profile) -> Result<(), Failure> {
        let text = toml::to_string_pretty(profile).map_err(|error| Failure::usage(format!("the profile: {error}")))?;
        let file = self.file();
        self.create().and_then(|()| replace(&file, &text)).map_err(|error| {
            Failure::usage(format!("{} cannot be written: {error}; check the folder's permissions", file.display()))
        })
    }

    /// Creates the folder.
    pub fn create(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.0)
    }
}

fn replace(file: &Path, text: &str) -> io::Result<()> {
    let fresh = file.with_extension(format!("toml.{}", std::process::id()));
    std::fs::write(&fresh, text)?;
    std::fs::rename(&fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, name: &str) -> SignedInServer {
        SignedInServer { url: url.parse().unwrap(), name: name.into(), device: DeviceId::fresh() }
    }

    #[test]
    fn the_last_login_is_the_current_server_until_it_is_forgotten() {
        let (one, two) = (server("https://one.example/", "ada"), server("https://two.example/", "ada"));
        let mut profile = Profile::default();
        profile.remember(one.clone());
        profile.remember(two.clone());
        assert_eq!(profile.find(None), Some(&two));
        assert_eq!(profile.find(Some(&one.url)), Some(&one));
        profile.forget(&two.url);
        assert_eq!(profile.find(None), Some(&one));
        profile.forget(&one.url);
        assert_eq!(profile, Profile::default());
    }

    #[test]
    fn another_login_at_the_same_server_replaces_the_first() {
        let mut profile = Profile::default();
        profile.remember(server("https://one.example/", "ada"));
        profile.remember(server("https://one.example/", "grace"));
        assert_eq!(profile.servers.len(), 1);
        assert_eq!(profile.find(None).unwrap().name, "grace");
    }

    #[test]
    fn what_was_saved_is_loaded_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = ProfileFolder::at(folder.path().join("config"));
        assert_eq!(place.load().unwrap(), Profile::default());
        let mut profile = Profile::default();
        profile.remember(server("https://one.example/", "ada"));
        place.save(&profile).unwrap();
        place.save(&profile).unwrap();
        assert_eq!(place.load().unwrap(), profile);
        assert_eq!(std::fs::read_dir(folder.path().join("config")).unwrap().count(), 1);
    }

    #[test]
    fn a_profile_with_an_unknown_key_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let place = ProfileFolder::at(folder.path());
        std::fs::write(place.file(), "curent = \"https://one.example/\"").unwrap();
        let failure = place.load().unwrap_err();
        assert!(failure.message.contains("curent"), "{failure}");
    }
}
