//! The server's own secret and what is derived from it. It lives in one file of the data folder, readable by its owner
//! only.
//!
//! Losing the file signs everybody out; leaking it lets the finder sign in as anybody.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// The file's name inside the data folder.
pub const FILE_NAME: &str = "signing-key.json";

/// The server's identity and keys.
pub struct Keys {
    /// Who issued a token: random, per data folder.
    pub issuer: Uuid,
    /// Signs access tokens.
    pub signing: SigningKey,
    /// Authenticates refresh tokens.
    pub refresh: [u8; 32],
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file is not there.
    #[error("{} is missing: run `watchbell-server init` first", .0.display())]
    Missing(PathBuf),
    /// Others can read it.
    #[error(
        "{} can be read by others than its owner: `chmod 600` it; if anybody has read it, remove it and run `init`",
        .0.display()
    )]
    TooOpen(PathBuf),
    /// It is not what `init` wrote.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct File {
    issuer: Uuid,
    secret: String,
}

impl Keys {
    /// Reads the keys of a data folder.
    pub fn read(data_dir: &Path) -> Result<Self, KeysError> {
        let path = data_dir.join(FILE_NAME);
        let io_error = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => KeysError::Missing(path.clone()),
            _ => KeysError::Io { path: path.clone(), source },
        };
        let damaged = |reason: String| KeysError::Damaged { path: path.clone(), reason };
        if is_open(&fs::metadata(&path).map_err(io_error)?) {
            return Err(KeysError::TooOpen(path));
        }
        let text = fs::read_to_string(&path).map_err(io_error)?;
        // The parser's own words could quote the secret.
        let file: File =
            serde_json::from_str(&text).map_err(|_| damaged("it is not the JSON that `init` wrote".into()))?;
        let secret = URL_SAFE_NO_PAD.decode(file.secret).map_err(|_| damaged("`secret` is no base64".into()))?;
        let secret: [u8; 32] = secret.try_into().map_err(|_| damaged("`secret` is not 32 bytes long".into()))?;
        Ok(Self::derive(file.issuer, &secret))
    }

    /// Writes fresh keys into a data folder that has none; leaves existing ones alone. Says whether it wrote.
    pub fn create(data_dir: &Path) -> Result<bool, KeysError> {
        let path = data_dir.join(FILE_NAME);
        let io_error = |source| KeysError::Io { path: path.clone(), source };
        let mut secret = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut secret).map_err(|error| io_error(io::Error::other(error)))?;
        let file = File { issuer: Uuid::new_v4(), secret: URL_SAFE_NO_PAD.encode(secret) };
        let text = serde_json::to_string(&file).map_err(|error| io_error(error.into()))?;
        match write_private(&path, text.as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(io_error(error)),
        }
    }

    /// One secret, one key per purpose: none of them tells anything about another.
    fn derive(issuer: Uuid, secret: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(&mac(secret, &[b"watchbell access token signing v1"]));
        Self { issuer, signing, refresh: mac(secret, &[b"watchbell refresh token v1"]) }
    }

    /// Keys for tests, without a file.
    #[cfg(test)]
    pub(crate) fn for_test(seed: u8) -> Self {
        Self::derive(Uuid::from_bytes([seed; 16]), &[seed; 32])
    }
}

/// HMAC-SHA256 over `parts`, each preceded by its length, so that no two lists give the same input.
pub(super) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Writes a new file that only its owner can read; fails if it is there. It appears whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    let draft = path.with_extension(format!("{}.tmp", Uuid::new_v4().simple()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    // A hard link, unlike a rename, never replaces what is there.
    let placed = written.and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    placed.and(removed)
}

#[cfg(unix)]
fn is_open(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creating_twice_keeps_the_first_keys() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Keys::read(dir.path()), Err(KeysError::Missing(_))));
        assert!(Keys::create(dir.path()).unwrap());
        let first = Keys::read(dir.path()).unwrap();
        assert!(!Keys::create(dir.path()).unwrap());
        let second = Keys::read(dir.path()).unwrap();
        assert_eq!((first.issuer, first.refresh), (second.issuer, second.refresh));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Keys::create(dir.path()).unwrap();
        let path = dir.path().join(FILE_NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keys::read(dir.path()), Err(KeysError::TooOpen(_))));
    }

    #[test]
    fn a_damaged_key_is_refused_without_quoting_it() {
        let dir = tempfile::tempdir().unwrap();
        Keys::create(dir.path()).unwrap();
        fs::write(dir.path().join(FILE_NAME), r#"{"issuer":"x","secret":"s3cret"}"#).unwrap();
        let error = Keys::read(dir.path()).err().unwrap().to_string();
        assert!(error.contains("damaged") && !error.contains("s3cret"), "{error}");
    }
}
