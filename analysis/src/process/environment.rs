//! The environment that detectors see: an allow-list. They run the repository's code (configuration, plug-ins, build
//! scripts), so no token, no agent socket and no home of the user is in it.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
};

use super::SearchPath;

/// What a tool needs of the user's own set-up, because it would not start without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    Nothing,
    Python,
    Node,
    /// The toolchains, and the downloaded crates. (The credentials file lies beside them: cargo has no other place.
    /// Build scripts are trusted as far as in CI.)
    Rust,
}

/// Kept as they are: language, system folders, and who answers for certificates.
const KEPT: [&str; 16] = [
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    // Windows does not start programs without these.
    "SystemRoot",
    "SystemDrive",
    "windir",
    "ComSpec",
    "PATHEXT",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
];

impl Toolchain {
    /// Folders under which the tools live: the variable, and where it points if it is not set, below the user's home.
    fn folders(self) -> &'static [(&'static str, Option<&'static str>)] {
        match self {
            Self::Nothing => &[],
            Self::Python => {
                &[("PYENV_ROOT", Some(".pyenv")), ("PYENV_VERSION", None), ("ASDF_DATA_DIR", Some(".asdf"))]
            }
            Self::Node => {
                &[("VOLTA_HOME", Some(".volta")), ("NVM_DIR", Some(".nvm")), ("ASDF_DATA_DIR", Some(".asdf"))]
            }
            Self::Rust => &[
                ("RUSTUP_HOME", Some(".rustup")),
                ("CARGO_HOME", Some(".cargo")),
                ("RUSTUP_TOOLCHAIN", None),
                ("RUSTFLAGS", None),
            ],
        }
    }
}

/// A process's environment.
#[derive(Debug)]
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// With an own home and an own folder for temporary files.
    pub fn new(search: &SearchPath, home: &Path, temp: &Path, toolchain: Toolchain) -> Self {
        let kept = KEPT.iter().filter_map(|&name| Some((name.into(), env::var_os(name)?)));
        let mut all = Self(kept.collect());
        all.set("PATH", search.as_os_str());
        for name in ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"] {
            all.set(name, home.as_os_str());
        }
        for name in ["TMPDIR", "TMP", "TEMP"] {
            all.set(name, temp.as_os_str());
        }
        all.set("NO_COLOR", OsStr::new("1"));
        let user = env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        for &(name, below_home) in toolchain.folders() {
            let default = || {
                let folder = Path::new(user.as_ref()?).join(below_home?);
                folder.is_dir().then(|| folder.into_os_string())
            };
            if let Some(value) = env::var_os(name).or_else(default) {
                all.set(name, &value);
            }
        }
        all
    }

    /// Sets one more.
    pub fn set(&mut self, name: &str, value: &OsStr) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.into(), value.to_owned()));
    }

    /// All of them.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_gets_through() {
        let environment =
            Environment::new(&SearchPath::new(None), Path::new("/own/home"), Path::new("/own/tmp"), Toolchain::Rust);
        let names: Vec<&OsStr> = environment.variables().map(|(name, _)| name).collect();
        let set = ["PATH", "HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TMP", "TEMP", "NO_COLOR"];
        let listed: Vec<&str> =
            KEPT.into_iter().chain(set).chain(Toolchain::Rust.folders().iter().map(|(name, _)| *name)).collect();
        for name in &names {
            assert!(listed.iter().any(|listed| name == listed), "{name:?}");
        }
        let home = environment.variables().find(|(name, _)| *name == "HOME").unwrap().1;
        assert_eq!(home, "/own/home");
    }
}
