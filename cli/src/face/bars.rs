//! Progress on a terminal: a row per detector that runs, and the whole in a last line. Drawn by `indicatif`, in place.

use std::{collections::HashMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use watchbell_protocol::event::{AnalysisProgress, DetectorProgress, DetectorRun, DetectorState};

use super::{
    marks::{self, Paint},
    words,
};

/// Steps of a bar: one decimal of a per cent.
const STEPS: u64 = 1000;
/// Cells of a bar.
const WIDTH: usize = 20;
/// Cells that light up in a bar whose share is not known.
const GLOW: usize = 5;

/// The rows, and what they need to be drawn.
#[derive(Default)]
pub struct Bars {
    screen: MultiProgress,
    rows: HashMap<String, Row>,
    total: Option<ProgressBar>,
}

struct Row {
    bar: ProgressBar,
    drawn_as: Look,
    usual_ms: Option<u64>,
}

/// How a row is drawn; changes only when a detector's state does, so that animations go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// A mark and an empty or full bar.
    Still(DetectorState),
    /// A spinner and a share.
    Share,
    /// A light that runs along the bar: at work, share unknown.
    Working,
}

impl Bars {
    /// Draws the headline and a waiting row per detector that will run.
    pub fn begin(&mut self, headline: &str, detectors: &[DetectorRun]) {
        let paint = Paint::of_stderr();
        self.note(headline);
        let running: Vec<_> = detectors.iter().filter(|detector| detector.state != DetectorState::Skipped).collect();
        let width = running.iter().map(|detector| console::measure_text_width(&detector.name)).max().unwrap_or(0);
        for detector in running {
            let bar = self.screen.add(ProgressBar::new(STEPS));
            let look = Look::Still(DetectorState::Waiting);
            bar.set_style(style(look));
            bar.set_prefix(format!("{:width$}", words::one_line(&detector.name)));
            bar.set_message(paint.dim("waiting").to_string());
            bar.tick();
            let row = Row { bar, drawn_as: look, usual_ms: detector.usual_ms };
            self.rows.insert(detector.name.to_string(), row);
        }
        let total = self.screen.add(ProgressBar::new(STEPS));
        total.set_style(template(&format!(
            "{{prefix:>{}.bold}}  {{bar:{WIDTH}.cyan/black.bright}}  {{msg}}",
            width + 2
        )));
        total.set_prefix(words::percent(0.0));
        total.tick();
        self.total = Some(total);
    }

    /// Draws how far it is now.
    pub fn progress(&mut self, progress: &AnalysisProgress) {
        let paint = Paint::of_stderr();
        for detector in &progress.detectors {
            if let Some(row) = self.rows.get_mut(detector.name.as_str()) {
                row.draw(detector, paint);
            }
        }
        if let Some(total) = &self.total {
            total.set_position(steps(progress.percent));
            total.set_prefix(words::percent(progress.percent));
            let left = words::left(progress.left).map(|left| paint.dim(left).to_string());
            let parts = [left, Some(paint.counts(&progress.counts)).filter(|counts| !counts.is_empty())];
            total.set_message(parts.into_iter().flatten().collect::<Vec<_>>().join("   "));
        }
    }

    /// A line above the rows.
    pub fn note(&self, line: &str) {
        // A terminal that is gone is nobody's loss.
        let _ = self.screen.println(line);
    }

    /// Takes the rows away.
    pub fn end(&mut self) {
        for row in self.rows.values() {
            row.bar.disable_steady_tick();
        }
        let _ = self.screen.clear();
        self.rows.clear();
        self.total = None;
    }
}

impl Row {
    fn draw(&mut self, detector: &DetectorProgress, paint: Paint) {
        let look = match (detector.state, detector.percent) {
            (DetectorState::Running, Some(_)) => Look::Share,
            (DetectorState::Running, None) => Look::Working,
            (state, _) => Look::Still(state),
        };
        if look != self.drawn_as {
            self.drawn_as = look;
            self.bar.set_style(style(look));
            match look {
                Look::Still(_) => self.bar.disable_steady_tick(),
                Look::Share | Look::Working => self.bar.enable_steady_tick(Duration::from_millis(120)),
            }
        }
        let done = match detector.state {
            DetectorState::Complete => STEPS,
            _ => detector.percent.map_or(0, steps),
        };
        self.bar.set_position(done);
        self.bar.set_message(self.message(detector, paint));
    }

    /// `0:12 / 0:11  ■ 1  ◆ 3`: time, usual time, what was found.
    fn message(&self, detector: &DetectorProgress, paint: Paint) -> String {
        let time = match (detector.state, self.usual_ms) {
            (DetectorState::Waiting, _) => return paint.dim("waiting").to_string(),
            (_, Some(usual)) => format!("{} / {}", words::clock(detector.ms), words::clock(usual)),
            (_, None) => words::clock(detector.ms),
        };
        let state = match detector.state {
            DetectorState::Failed => paint.detector(detector.state, "failed  ").to_string(),
            DetectorState::Cancelled => paint.detector(detector.state, "stopped  ").to_string(),
            _ => String::new(),
        };
        format!("{}  {state}{}", paint.dim(time), paint.counts(&detector.counts))
    }
}

fn steps(percent: f32) -> u64 {
    (f64::from(percent.clamp(0.0, 100.0)) * 10.0) as u64
}

fn style(look: Look) -> ProgressStyle {
    let bar = format!("{{bar:{WIDTH}.green/black.bright}}");
    match look {
        Look::Still(state) => {
            let mark = Paint::of_stderr().detector(state, marks::detector(state));
            template(&format!("{mark} {{prefix}}  {bar}  {{msg}}"))
        }
        Look::Share => template(&format!("{{spinner:.cyan}} {{prefix}}  {{bar:{WIDTH}.cyan/black.bright}}  {{msg}}"))
            .tick_strings(&["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "✓"]),
        Look::Working => {
            let frames = glow();
            let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
            let mark = Paint::of_stderr().detector(DetectorState::Running, marks::detector(DetectorState::Running));
            template(&format!("{mark} {{prefix}}  {{spinner:.cyan}}  {{msg}}")).tick_strings(&frames)
        }
    }
}

/// The frames of a light that runs to and fro along a bar. The last one is for a finished bar and is not shown.
fn glow() -> Vec<String> {
    let ends = WIDTH - GLOW;
    let frame = |at: usize| (0..WIDTH).map(|cell| if (at..at + GLOW).contains(&cell) { '━' } else { '╌' }).collect();
    (0..ends).chain((1..=ends).rev()).chain([0]).map(frame).collect()
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).expect("the templates of this file are well-formed").progress_chars("━━╌")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_has_a_valid_template() {
        use DetectorState::{Cancelled, Complete, Failed, Running, Skipped, Waiting};
        for state in [Cancelled, Complete, Failed, Running, Skipped, Waiting] {
            style(Look::Still(state));
        }
        style(Look::Share);
        style(Look::Working);
    }

    #[test]
    fn the_running_light_keeps_the_bars_width() {
        assert!(glow().iter().all(|frame| frame.chars().count() == WIDTH));
    }
}
