//! The report as a table.

use comfy_table::{CellAlignment, Table, TableComponent, presets::UTF8_HORIZONTAL_ONLY};

use super::{Figure, Unit};
use crate::peer::Peer;

/// All figures, one per line; a second target on a line of its own.
pub fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    table.set_header(["scenario", "figure", "size", "Watchbell", "Socket.IO", "bare", "target", "", ""]);
    for figure in figures {
        let value = |peer| figure.value(peer).map_or("–".to_owned(), |value| number(value, figure.unit));
        let verdict = |at: usize| match figure.targets.get(at) {
            Some(target) => {
                let verdict = target.judge(figure);
                let limit = verdict.map_or(String::new(), |verdict| number(verdict.limit, figure.unit));
                [target.to_string(), limit, verdict.map_or("not measured".to_owned(), |verdict| verdict.to_string())]
            }
            None => Default::default(),
        };
        let [target, limit, judged] = verdict(0);
        let [own, socketio, bare] = Peer::ALL.map(value);
        let size = figure.size.to_string();
        table.add_row([figure.scenario, &figure.name, &size, &own, &socketio, &bare, &target, &limit, &judged]);
        for at in 1..figure.targets.len() {
            let [target, limit, judged] = verdict(at);
            table.add_row(["", "", "", "", "", "", &target, &limit, &judged]);
        }
    }
    for column in [2, 3, 4, 5, 7] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A value with its unit, with as many digits as say something.
fn number(value: f64, unit: Unit) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), String::new()), |(a, b)| (a, format!(".{b}")));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && digit.is_ascii_digit() && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}{rest} {}", unit.sign())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_say_something() {
        for (value, shown) in [
            (0.256, "0.26 µs"),
            (12.34, "12.3 µs"),
            (256_000.4, "256,000 µs"),
            (100.0, "100 µs"),
            (-1234.0, "-1,234 µs"),
        ] {
            assert_eq!(number(value, Unit::Micros), shown);
        }
    }
}
