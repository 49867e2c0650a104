//! What `list` prints: columns for people, JSON for scripts.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use jiff::Timestamp;
use serde::Serialize;
use watchbell_protocol::UnixMillis;

/// Prints rows under their headings, or `empty` when there are none.
pub fn print(headings: &[&str], rows: Vec<Vec<String>>, empty: &str) {
    if rows.is_empty() {
        println!("{empty}");
        return;
    }
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(headings);
    table.add_rows(rows);
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
}

/// Prints one JSON document.
pub fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A time for people, in UTC to the minute; "never" if there is none.
pub fn when(at: Option<UnixMillis>) -> String {
    match at.map(|at| Timestamp::from_millisecond(at.0)) {
        Some(Ok(at)) => at.strftime("%Y-%m-%d %H:%M").to_string(),
        Some(Err(_)) => "?".into(),
        None => "never".into(),
    }
}
