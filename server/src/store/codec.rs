//! How ids, words and JSON stand in columns. A column that does not read back is a damaged database, and an error.

use std::{error::Error, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, sqlite::SqliteRow};
use watchbell_protocol::{Text, UnixMillis};

fn damaged(column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

/// Anything that is written with `Display` and reads back with `FromStr`: ids, rooms.
pub(super) fn parsed<T>(row: &SqliteRow, column: &str) -> sqlx::Result<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    row.try_get::<&str, _>(column)?.parse().map_err(|error| damaged(column, error))
}

/// A value kept as JSON.
pub(super) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    serde_json::from_str(row.try_get(column)?).map_err(|error| damaged(column, error))
}

/// An enum kept as its word on the wire.
pub(super) fn word<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    from_word(row.try_get(column)?, column)
}

/// The same for a word that was already read.
pub(super) fn from_word<T: DeserializeOwned>(word: String, column: &str) -> sqlx::Result<T> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(|error| damaged(column, error))
}

/// Bounded text.
pub(super) fn text<const MAX: usize>(row: &SqliteRow, column: &str) -> sqlx::Result<Text<MAX>> {
    Ok(Text::clip(row.try_get::<String, _>(column)?))
}

/// Bounded text that may be absent.
pub(super) fn maybe_text<const MAX: usize>(row: &SqliteRow, column: &str) -> sqlx::Result<Option<Text<MAX>>> {
    Ok(row.try_get::<Option<String>, _>(column)?.map(Text::clip))
}

/// A time that may be absent.
pub(super) fn maybe_at(row: &SqliteRow, column: &str) -> sqlx::Result<Option<UnixMillis>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(UnixMillis))
}

/// A number that is never negative.
pub(super) fn count<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    T::try_from(row.try_get::<i64, _>(column)?).map_err(|_| damaged(column, "out of range"))
}

/// The same for one that may be absent.
pub(super) fn maybe_count<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> sqlx::Result<Option<T>> {
    let value: Option<i64> = row.try_get(column)?;
    value.map(|value| T::try_from(value).map_err(|_| damaged(column, "out of range"))).transpose()
}

/// A value as JSON, for a column.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// An enum as its word on the wire, for a column.
pub(super) fn to_word<T: Serialize>(value: &T) -> sqlx::Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(_) => Err(sqlx::Error::Encode("not a word".into())),
        Err(error) => Err(sqlx::Error::Encode(error.into())),
    }
}

/// Bytes as hexadecimal text, for a column.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// So many bytes, kept as hexadecimal text.
pub(super) fn bytes<const N: usize>(row: &SqliteRow, column: &str) -> sqlx::Result<[u8; N]> {
    from_hex(row.try_get(column)?, column)
}

/// The same for text that was already read.
pub(super) fn from_hex<const N: usize>(text: &str, column: &str) -> sqlx::Result<[u8; N]> {
    let byte = |at: usize| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..N).map(byte).collect();
    match bytes.and_then(|bytes| bytes.try_into().ok()) {
        Some(bytes) if text.len() == 2 * N => Ok(bytes),
        _ => Err(damaged(column, "is not hexadecimal of the right length")),
    }
}
