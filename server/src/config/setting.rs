//! One setting's value: how it is written in TOML, and how in the environment or on the command line.
//!
//! An error here says what is wrong with the value; who set it is known one level up, in `layers`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use toml::Value;

/// A type that an option may have.
pub trait Setting: Sized {
    /// From the configuration file.
    fn from_toml(value: &Value) -> Result<Self, String>;

    /// From an environment variable or a flag.
    fn from_text(text: &str) -> Result<Self, String> {
        Self::from_toml(&Value::String(text.to_owned()))
    }

    /// As the configuration file would say it.
    fn to_toml(&self) -> Value;
}

/// The string inside `value`, or what was found instead.
fn string(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("must be a string, not {}", kind(value)))
}

/// What a value is, in words.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a decimal number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

impl Setting for SocketAddr {
    fn from_toml(value: &Value) -> Result<Self, String> {
        let text = string(value)?;
        text.parse().map_err(|_| format!("must be ADDRESS:PORT such as 127.0.0.1:7077 or [::1]:7077, not {text:?}"))
    }

    fn to_toml(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// Where to listen, or nowhere, which is written `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door(pub Option<SocketAddr>);

impl Setting for Door {
    fn from_toml(value: &Value) -> Result<Self, String> {
        match string(value)? {
            "off" => Ok(Self(None)),
            text => text.parse().map(|address| Self(Some(address))).map_err(|_| {
                format!("must be ADDRESS:PORT such as 127.0.0.1:9077 or [::1]:9077, or \"off\", not {text:?}")
            }),
        }
    }

    fn to_toml(&self) -> Value {
        Value::String(self.0.map_or_else(|| "off".to_owned(), |address| address.to_string()))
    }
}

/// A file, or none, which is written as an empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File(pub Option<PathBuf>);

impl Setting for File {
    fn from_toml(value: &Value) -> Result<Self, String> {
        Ok(Self(match string(value)? {
            "" => None,
            text => Some(text.into()),
        }))
    }

    fn to_toml(&self) -> Value {
        Value::String(self.0.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
    }
}

impl Setting for PathBuf {
    fn from_toml(value: &Value) -> Result<Self, String> {
        match string(value)? {
            "" => Err("must not be empty".into()),
            text => Ok(text.into()),
        }
    }

    fn to_toml(&self) -> Value {
        Value::String(self.display().to_string())
    }
}

/// A line of text, not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub String);

impl Setting for Line {
    fn from_toml(value: &Value) -> Result<Self, String> {
        let text = string(value)?.trim();
        if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
            return Err("must be one line of 1 to 128 bytes".into());
        }
        Ok(Self(text.to_owned()))
    }

    fn to_toml(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A length of time, written `250ms`, `10s`, `10m`, `12h` or `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    const UNITS: [(&'static str, u64); 5] =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    /// So many seconds.
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// So many days.
    pub const fn days(days: u64) -> Self {
        Self::secs(days * 86_400)
    }

    /// Refuses what lies outside, with the bounds in the words of the file.
    pub fn within(self, least: Self, most: Self) -> Result<(), String> {
        if (least..=most).contains(&self) {
            return Ok(());
        }
        Err(format!("must be between {} and {}, not {}", least.to_toml(), most.to_toml(), self.to_toml()))
    }
}

impl Setting for Span {
    fn from_toml(value: &Value) -> Result<Self, String> {
        let text = string(value)?.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        Self::UNITS
            .iter()
            .find(|(name, _)| *name == unit.trim())
            .and_then(|(_, ms)| number.parse::<u64>().ok()?.checked_mul(*ms))
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(|| format!("must be a length of time such as 250ms, 10s, 10m, 12h or 30d, not {text:?}"))
    }

    fn to_toml(&self) -> Value {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, size) =
            Self::UNITS.iter().rev().find(|(_, size)| ms >= *size && ms % size == 0).unwrap_or(&Self::UNITS[0]);
        Value::String(format!("{}{unit}", ms / size))
    }
}

impl Setting for u32 {
    fn from_toml(value: &Value) -> Result<Self, String> {
        let number = value.as_integer().ok_or_else(|| format!("must be a whole number, not {}", kind(value)))?;
        number.try_into().map_err(|_| format!("must be between 0 and {}, not {number}", u32::MAX))
    }

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("must be a whole number between 0 and {}, not {text:?}", u32::MAX))
    }

    fn to_toml(&self) -> Value {
        Value::Integer(i64::from(*self))
    }
}

/// A list of texts; in the environment and on the command line separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl Setting for Texts {
    fn from_toml(value: &Value) -> Result<Self, String> {
        let list = value.as_array().ok_or_else(|| format!("must be a list of strings, not {}", kind(value)))?;
        list.iter().map(|element| string(element).map(str::to_owned)).collect::<Result<_, _>>().map(Self)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()))
    }

    fn to_toml(&self) -> Value {
        Value::Array(self.0.iter().cloned().map(Value::String).collect())
    }
}

/// A list of IP addresses; in the environment and on the command line separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses(pub Vec<IpAddr>);

impl Addresses {
    fn of(texts: &Texts) -> Result<Self, String> {
        let parsed = texts.0.iter().map(|text| {
            text.parse().map_err(|_| format!("must list addresses such as \"10.0.0.1\", and {text:?} is none"))
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }
}

impl Setting for Addresses {
    fn from_toml(value: &Value) -> Result<Self, String> {
        Self::of(&Texts::from_toml(value)?)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        Self::of(&Texts::from_text(text)?)
    }

    fn to_toml(&self) -> Value {
        Value::Array(self.0.iter().map(|address| Value::String(address.to_string())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_every_unit_and_writes_the_largest_that_fits() {
        for (text, ms, written) in [
            ("250ms", 250, "250ms"),
            ("10s", 10_000, "10s"),
            ("600s", 600_000, "10m"),
            ("90 m", 5_400_000, "90m"),
            ("24h", 86_400_000, "1d"),
            ("0s", 0, "0ms"),
        ] {
            let span = Span::from_text(text).expect(text);
            assert_eq!(span, Span(Duration::from_millis(ms)), "{text}");
            assert_eq!(span.to_toml(), Value::String(written.into()), "{text}");
        }
        for text in ["", "10", "m", "-1s", "1.5h", "10 weeks", "99999999999999999999s", "300000000000000000d"] {
            assert!(Span::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_door_is_an_address_or_off() {
        for (text, door) in [("off", None), ("127.0.0.1:9077", Some(([127, 0, 0, 1], 9077).into()))] {
            assert_eq!(Door::from_text(text), Ok(Door(door)));
            assert_eq!(Door(door).to_toml(), Value::String(text.into()));
        }
        assert!(Door::from_text("9077").is_err());
    }

    #[test]
    fn a_list_is_separated_by_commas_outside_the_file() {
        assert_eq!(Texts::from_text("a, b,"), Ok(Texts(vec!["a".into(), "b".into()])));
        assert_eq!(Texts::from_text(""), Ok(Texts::default()));
        assert!(Texts::from_toml(&Value::String("a".into())).is_err());
    }
}
