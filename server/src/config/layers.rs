//! From a file, the environment and flags to a [`Config`]; or to an error that names the key and who set it.

use std::{fmt, path::PathBuf};

use toml::Value;

use super::{
    Config,
    section::{Raw, Refusal, Section},
    setting::kind,
};

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The configuration file.
    File(PathBuf),
    /// This environment variable.
    Env(String),
    /// This flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is no TOML.
    #[error("{}: {message}", path.display())]
    NotToml {
        /// Which file.
        path: PathBuf,
        /// What the parser says, with line and column.
        message: String,
    },
    /// Nothing has this name.
    #[error("{from}: there is no option `{key}`{}", meant(nearest.as_deref()))]
    UnknownKey {
        /// The name.
        key: String,
        /// Who used it.
        from: Source,
        /// What may have been meant, spelled as that source spells it.
        nearest: Option<String>,
    },
    /// The option does not take this value.
    #[error("{from}: `{key}` {reason}")]
    BadValue {
        /// The option, as `section.key`.
        key: String,
        /// Who set it.
        from: Source,
        /// What is wrong, continuing the sentence after the key.
        reason: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

/// What the configuration is resolved from.
#[derive(Debug, Default)]
pub struct Layers {
    /// The file's path (for errors) and text.
    pub file: Option<(PathBuf, String)>,
    /// The environment: names and values. Those that do not start with `WATCHBELL_` and a section's name are ignored.
    pub env: Vec<(String, String)>,
    /// Flags: as typed (for errors), the option as `section.key`, and the value.
    pub flags: Vec<(String, String, String)>,
}

impl Layers {
    /// The configuration.
    pub fn resolve(&self) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        if let Some((path, text)) = &self.file {
            apply_file(&mut config, path, text)?;
        }
        for (name, value) in &self.env {
            if let Some((section, key)) = variable(name) {
                let from = Source::Env(name.clone());
                config.set(section, &key, Raw::Text(value), from)?;
            }
        }
        for (flag, option, value) in &self.flags {
            let (section, key) = option.split_once('.').unwrap_or((option, ""));
            config.set(section, key, Raw::Text(value), Source::Flag(flag.clone()))?;
        }
        Ok(config)
    }
}

fn apply_file(config: &mut Config, path: &std::path::Path, text: &str) -> Result<(), ConfigError> {
    let from = || Source::File(path.to_owned());
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError::NotToml { path: path.to_owned(), message: error.to_string() })?;
    for (section, value) in &table {
        if !SECTIONS.iter().any(|(name, _)| name == section) {
            return Err(unknown(section, from(), SECTIONS.iter().map(|(name, _)| (*name).to_owned())));
        }
        let Value::Table(options) = value else {
            let reason = format!("is a section: write [{section}] and its options below it, not {}", kind(value));
            return Err(ConfigError::BadValue { key: section.clone(), from: from(), reason });
        };
        for (key, value) in options {
            config.set(section, key, Raw::Toml(value), from())?;
        }
    }
    Ok(())
}

/// Every section with its keys.
const SECTIONS: &[(&str, &[&str])] = &[
    (super::Server::NAME, super::Server::KEYS),
    (super::Auth::NAME, super::Auth::KEYS),
    (super::Limits::NAME, super::Limits::KEYS),
    (super::Streams::NAME, super::Streams::KEYS),
    (super::Tls::NAME, super::Tls::KEYS),
    (super::Log::NAME, super::Log::KEYS),
    (super::Metrics::NAME, super::Metrics::KEYS),
];

/// The section and key that an environment variable is about; `None` if it is not about any section.
fn variable(name: &str) -> Option<(&'static str, String)> {
    let rest = name.strip_prefix("WATCHBELL_")?;
    SECTIONS.iter().find_map(|(section, _)| {
        let key = rest.strip_prefix(&section.to_ascii_uppercase())?.strip_prefix('_')?;
        Some((*section, key.to_ascii_lowercase()))
    })
}

/// The environment variable of an option.
fn variable_name(section: &str, key: &str) -> String {
    format!("WATCHBELL_{section}_{key}").to_ascii_uppercase()
}

impl Config {
    /// Sets one option.
    fn set(&mut self, section: &str, key: &str, raw: Raw<'_>, from: Source) -> Result<(), ConfigError> {
        let result = match section {
            super::Server::NAME => self.server.set(key, raw),
            super::Auth::NAME => self.auth.set(key, raw),
            super::Limits::NAME => self.limits.set(key, raw),
            super::Streams::NAME => self.streams.set(key, raw),
            super::Tls::NAME => self.tls.set(key, raw),
            super::Log::NAME => self.log.set(key, raw),
            super::Metrics::NAME => self.metrics.set(key, raw),
            _ => Err(Refusal::UnknownKey),
        };
        result.map_err(|refusal| match refusal {
            Refusal::BadValue(reason) => ConfigError::BadValue { key: format!("{section}.{key}"), from, reason },
            Refusal::UnknownKey => unknown_option(section, key, from),
        })
    }
}

fn unknown_option(section: &str, key: &str, from: Source) -> ConfigError {
    let options = SECTIONS.iter().flat_map(|(section, keys)| keys.iter().map(move |key| (*section, *key)));
    match &from {
        Source::Env(name) => {
            let name = name.clone();
            unknown(&name, from, options.map(|(section, key)| variable_name(section, key)))
        }
        Source::File(_) | Source::Flag(_) => {
            let name = if key.is_empty() { section.to_owned() } else { format!("{section}.{key}") };
            unknown(&name, from, options.map(|(section, key)| format!("{section}.{key}")))
        }
    }
}

/// The error, with the most similar known name if any is similar at all.
fn unknown(name: &str, from: Source, known: impl Iterator<Item = String>) -> ConfigError {
    let nearest = known
        .map(|candidate| (strsim::jaro_winkler(name, &candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate);
    ConfigError::UnknownKey { key: name.to_owned(), from, nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Format, Span};

    fn resolve(file: &str, env: &[(&str, &str)], flags: &[(&str, &str, &str)]) -> Result<Config, String> {
        let layers = Layers {
            file: Some(("w.toml".into(), file.into())),
            env: env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            flags: flags.iter().map(|(flag, key, value)| ((*flag).into(), (*key).into(), (*value).into())).collect(),
        };
        layers.resolve().map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(resolve("", &[], &[]), Ok(Config::default()));
    }

    #[test]
    fn flags_override_the_environment_which_overrides_the_file() {
        let file = "[server]\nlisten = \"127.0.0.1:1\"\nname = \"file\"\n[log]\nformat = \"json\"\n";
        let env = [("WATCHBELL_SERVER_LISTEN", "127.0.0.1:2"), ("WATCHBELL_AUTH_SIGN_IN", "7d")];
        let config = resolve(file, &env, &[("--listen", "server.listen", "127.0.0.1:3")]).expect("it is right");
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!(config.server.name.0, "file");
        assert_eq!(config.auth.sign_in, Span::days(7));
        assert_eq!(config.log.format, Format::Json);
    }

    #[test]
    fn variables_of_other_programs_are_ignored() {
        let env = [("WATCHBELL_TOKEN", "x"), ("WATCHBELL_SERVER", "https://x"), ("PATH", "/bin"), ("SERVER_NAME", "x")];
        assert_eq!(resolve("", &env, &[]), Ok(Config::default()));
    }

    #[test]
    fn what_is_wrong_is_refused_by_name_with_its_source() {
        for (file, said) in [
            ("[server]\nlisen = 1", "w.toml: there is no option `server.lisen`; did you mean `server.listen`?"),
            ("[sever]\n", "w.toml: there is no option `sever`; did you mean `server`?"),
            ("zzz = 1", "w.toml: there is no option `zzz`"),
            ("log = 3", "w.toml: `log` is a section: write [log] and its options below it, not a whole number"),
            ("[server]\nlisten = 7077", "w.toml: `server.listen` must be a string, not a whole number"),
            (
                "[server]\nlisten = \"7077\"",
                "w.toml: `server.listen` must be ADDRESS:PORT such as 127.0.0.1:7077 or [::1]:7077, not \"7077\"",
            ),
            (
                "[auth]\naccess_token = \"2d\"",
                "w.toml: `auth.access_token` must be between \"10s\" and \"1h\", not \"2d\"",
            ),
            ("[streams]\nbatch_events = 0", "w.toml: `streams.batch_events` must be between 1 and 256, not 0"),
            ("[limits]\njournal_events = 999", "w.toml: `limits.journal_events` must be at least 1000, not 999"),
            ("[auth]\npassword_checks = -1", "w.toml: `auth.password_checks` must be between 0 and 4294967295, not -1"),
            ("[log]\nformat = \"xml\"", "w.toml: `log.format` must be \"human\" or \"json\", not \"xml\""),
        ] {
            assert_eq!(resolve(file, &[], &[]), Err(said.to_owned()));
        }
        let not_toml = resolve("[server", &[], &[]).expect_err("it is no TOML");
        assert!(not_toml.starts_with("w.toml: TOML parse error at line 1"), "{not_toml}");
    }

    #[test]
    fn a_wrong_variable_or_flag_is_refused_by_its_own_name() {
        assert_eq!(
            resolve("", &[("WATCHBELL_SERVER_LISTN", "x")], &[]),
            Err("environment variable WATCHBELL_SERVER_LISTN: there is no option `WATCHBELL_SERVER_LISTN`; did you \
                 mean `WATCHBELL_SERVER_LISTEN`?"
                .to_owned())
        );
        let bad = resolve("", &[("WATCHBELL_LIMITS_HTTP_BODY_BYTES", "many")], &[]).expect_err("many is no number");
        assert!(
            bad.starts_with("environment variable WATCHBELL_LIMITS_HTTP_BODY_BYTES: `limits.http_body_bytes` must")
        );
        let bad = resolve("", &[], &[("--listen", "server.listen", "here")]).expect_err("here is no address");
        assert!(bad.starts_with("flag --listen: `server.listen` must be ADDRESS:PORT"), "{bad}");
    }

    #[test]
    fn only_bare_origins_may_be_allowed() {
        assert!(
            resolve("[server]\nallowed_origins = [\"https://a.example\", \"http://localhost:5173\"]", &[], &[]).is_ok()
        );
        for origin in ["*", "https://*.example", "https://a.example/", "a.example", "https://"] {
            let file = format!("[server]\nallowed_origins = [{origin:?}]");
            assert!(resolve(&file, &[], &[]).is_err(), "{origin}");
        }
    }
}
