//! How long things took to reach the screen, as the app itself measured and logged it.

use serde::Serialize;
use serde_json::Value;

/// The usual and the worst of a series, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the values are not above it.
    pub p50: f64,
    /// 99 % of the values are not above it.
    pub p99: f64,
}

/// The numbers under `field` in the lines of a JSON log.
pub fn values(log: &str, field: &str) -> Vec<f64> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| find(&line, field)).collect()
}

/// `tracing` writes fields beside the message or in an object of their own.
fn find(line: &Value, field: &str) -> Option<f64> {
    line["fields"].get(field).or_else(|| line.get(field))?.as_f64()
}

/// The spread of a series; `None` if it is empty.
pub fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let rank = |share: f64| values[((last as f64) * share).ceil() as usize];
    Some(Spread { p50: rank(0.5), p99: rank(0.99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_among_other_lines() {
        let log = "starting\n{\"fields\":{\"message\":\"painted\",\"ms\":12}}\n{\"ms\":30.5}\n{\"fields\":{}}\n";
        assert_eq!(values(log, "ms"), [12.0, 30.5]);
    }

    #[test]
    fn the_spread_of_a_hundred_values_is_their_middle_and_their_end() {
        let spread = spread((0..=100).map(f64::from).collect()).expect("has values");
        assert_eq!((spread.p50, spread.p99), (50.0, 99.0));
        assert_eq!(super::spread(Vec::new()), None);
    }
}
