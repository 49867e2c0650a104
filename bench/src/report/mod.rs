//! What was measured: figures side by side, with targets and whether they are met; as a table and as JSON.

mod table;
mod target;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};
use serde::Serialize;

pub use self::target::Target;
use crate::{machine::Machine, peer::Peer};

/// One figure of every peer that has it.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// To which scenario it belongs.
    pub scenario: &'static str,
    /// What it is.
    pub name: String,
    /// How large the case was: connections, receivers, members. Figures of one name are a curve over it.
    pub size: u64,
    /// In which unit.
    pub unit: Unit,
    /// Every value of every peer, in the order in which they were measured.
    pub rounds: BTreeMap<Peer, Vec<f64>>,
    /// What Watchbell should reach.
    pub targets: Vec<Target>,
    /// What has to be known about it.
    pub notes: Vec<String>,
}

/// A unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Per second.
    PerSecond,
    /// Per cent.
    Percent,
}

impl Unit {
    /// How it is written.
    fn sign(self) -> &'static str {
        match self {
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::BytesPerSecond => "B/s",
            Self::PerSecond => "/s",
            Self::Percent => "%",
        }
    }
}

impl Figure {
    /// A figure without values.
    pub fn new(scenario: &'static str, name: impl Into<String>, size: usize, unit: Unit) -> Self {
        let (rounds, targets, notes) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { scenario, name: name.into(), size: size as u64, unit, rounds, targets, notes }
    }

    /// The same with a target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds a value.
    pub fn add(&mut self, peer: Peer, value: f64) {
        self.rounds.entry(peer).or_default().push(value);
    }

    /// Adds something that has to be known, once.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The median of a peer's values.
    pub fn value(&self, peer: Peer) -> Option<f64> {
        let mut values = self.rounds.get(&peer)?.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match values.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(values[middle]),
            _ => Some(f64::midpoint(values[middle - 1], values[middle])),
        }
    }
}

/// Everything of a run.
#[derive(Debug)]
pub struct Report {
    /// On what.
    pub machine: Machine,
    /// Whether it was a short run.
    pub quick: bool,
    /// What came of it.
    pub figures: Vec<Figure>,
}

impl Report {
    /// Prints the table.
    pub fn print(&self) {
        let Machine { processor, cores, kernel, node, socketio, .. } = &self.machine;
        println!("{processor}, {cores} cores, Linux {kernel}; Node {node}, Socket.IO {socketio}; medians");
        println!("{}", table::table(&self.figures));
        for (figure, note) in self.figures.iter().flat_map(|figure| figure.notes.iter().map(move |it| (figure, it))) {
            println!("  {} · {} ({}): {note}", figure.scenario, figure.name, figure.size);
        }
    }

    /// Writes it as JSON.
    pub fn write(&self, file: &Path) -> Result<()> {
        let report = serde_json::json!({
            "machine": self.machine,
            "quick": self.quick,
            "figures": self.figures.iter().map(judged).collect::<Vec<_>>(),
            "curves": curves(&self.figures),
        });
        let text = format!("{report:#}\n");
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// A figure with its medians and verdicts.
fn judged(figure: &Figure) -> serde_json::Value {
    let medians: BTreeMap<Peer, Option<f64>> = Peer::ALL.into_iter().map(|peer| (peer, figure.value(peer))).collect();
    let verdict = |target: &Target| {
        let verdict = target.judge(figure);
        serde_json::json!({
            "target": target.to_string(),
            "limit": verdict.as_ref().map(|verdict| verdict.limit),
            "met": verdict.as_ref().map(target::Verdict::is_met),
            "ratio": verdict.as_ref().map(|verdict| verdict.ratio),
        })
    };
    serde_json::json!({
        "scenario": figure.scenario,
        "name": figure.name,
        "size": figure.size,
        "unit": figure.unit,
        "median": medians,
        "rounds": figure.rounds,
        "targets": figure.targets.iter().map(verdict).collect::<Vec<_>>(),
        "notes": figure.notes,
    })
}

/// Figures of one name over their sizes, where there are at least three.
fn curves(figures: &[Figure]) -> Vec<serde_json::Value> {
    let mut named: BTreeMap<(&str, &str), Vec<&Figure>> = BTreeMap::new();
    for figure in figures {
        named.entry((figure.scenario, &figure.name)).or_default().push(figure);
    }
    named.retain(|_, figures| figures.len() >= 3);
    let curve = |((scenario, name), mut figures): (_, Vec<&Figure>)| {
        figures.sort_by_key(|figure| figure.size);
        let over = |value: &dyn Fn(&Figure) -> Option<f64>| figures.iter().map(|it| value(it)).collect::<Vec<_>>();
        serde_json::json!({
            "scenario": scenario,
            "name": name,
            "unit": figures[0].unit,
            "sizes": figures.iter().map(|figure| figure.size).collect::<Vec<_>>(),
            "watchbell": over(&|figure| figure.value(Peer::Watchbell)),
            "socketio": over(&|figure| figure.value(Peer::SocketIo)),
            "bare": over(&|figure| figure.value(Peer::Bare)),
        })
    };
    named.into_iter().map(curve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_rounds_is_the_value() {
        let mut figure = Figure::new("fanout", "p99", 500, Unit::Millis);
        assert_eq!(figure.value(Peer::Bare), None);
        for value in [9.0, 1.0, 2.0] {
            figure.add(Peer::Bare, value);
        }
        assert_eq!(figure.value(Peer::Bare), Some(2.0));
        figure.add(Peer::Bare, 3.0);
        assert_eq!(figure.value(Peer::Bare), Some(2.5));
    }

    #[test]
    fn three_sizes_are_a_curve_and_two_are_not() {
        let figure = |name: &str, size| {
            let mut figure = Figure::new("memory", name, size, Unit::Bytes);
            figure.add(Peer::Watchbell, size as f64);
            figure
        };
        let figures = [figure("a", 2), figure("a", 1), figure("a", 3), figure("b", 1), figure("b", 2)];
        let curves = curves(&figures);
        assert_eq!(curves.len(), 1);
        assert_eq!(curves[0]["sizes"], serde_json::json!([1, 2, 3]));
        assert_eq!(curves[0]["watchbell"], serde_json::json!([1.0, 2.0, 3.0]));
        assert_eq!(curves[0]["bare"], serde_json::json!([null, null, null]));
    }
}
