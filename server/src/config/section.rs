//! Declares a section of the configuration: one documented, typed option per line. From that one declaration come the
//! struct, its defaults, the parser that knows every key, and the comments of the file that `init` writes.

use toml::Value;

/// An option, for documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionDoc {
    /// Its key inside the section.
    pub key: &'static str,
    /// Its description, a line per element.
    pub doc: &'static [&'static str],
    /// Its default.
    pub default: Value,
}

/// How a value was written.
#[derive(Debug, Clone, Copy)]
pub enum Raw<'a> {
    /// In the configuration file.
    Toml(&'a Value),
    /// In an environment variable or a flag.
    Text(&'a str),
}

/// Why a section refuses an assignment.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has no such key.
    UnknownKey,
    /// The key does not take this value; the text continues "`key` …".
    BadValue(String),
}

/// What `section!` implements.
pub trait Section {
    /// The section's name in the file.
    const NAME: &'static str;
    /// What it is about, a line per element.
    const DOC: &'static [&'static str];
    /// Every key.
    const KEYS: &'static [&'static str];

    /// Sets one option.
    fn set(&mut self, key: &str, raw: Raw<'_>) -> Result<(), Refusal>;

    /// Every option with its default.
    fn options() -> Vec<OptionDoc>;
}

/// `pub struct Name = "section" { /// doc  key: Type = default, [check: path] }`. A check sees the parsed value and
/// says what is wrong with it.
macro_rules! section {
    (
        $(#[doc = $section_doc:literal])+
        pub struct $name:ident = $section:literal {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:expr $(, check $check:expr)?;
            )+
        }
    ) => {
        $(#[doc = $section_doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $key: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $crate::config::section::Section for $name {
            const NAME: &'static str = $section;
            const DOC: &'static [&'static str] = &[$($section_doc),+];
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            fn set(
                &mut self,
                key: &str,
                raw: $crate::config::section::Raw<'_>,
            ) -> Result<(), $crate::config::section::Refusal> {
                use $crate::config::{section::{Raw, Refusal}, setting::Setting};
                match key {
                    $(stringify!($key) => {
                        let value = match raw {
                            Raw::Toml(value) => <$type as Setting>::from_toml(value),
                            Raw::Text(text) => <$type as Setting>::from_text(text),
                        };
                        let value = value.map_err(Refusal::BadValue)?;
                        $(let check: fn(&$type) -> Result<(), String> = $check;
                        check(&value).map_err(Refusal::BadValue)?;)?
                        self.$key = value;
                        Ok(())
                    })+
                    _ => Err(Refusal::UnknownKey),
                }
            }

            fn options() -> Vec<$crate::config::section::OptionDoc> {
                use $crate::config::{section::OptionDoc, setting::Setting};
                let defaults = Self::default();
                vec![$(OptionDoc {
                    key: stringify!($key),
                    doc: &[$($doc),+],
                    default: Setting::to_toml(&defaults.$key),
                }),+]
            }
        }
    };
}

pub(super) use section;
