//! The result in its three forms. Each is a function from [`Outcome`] to text: no clock, no terminal, no file.

mod human;
mod json;

use watchbell_analysis::sarif;

use crate::{args::Format, outcome::Outcome};

/// The result in the form asked for, ended by a line break. `colours` matters to the human form only.
pub fn render(outcome: &Outcome, format: Format, colours: bool) -> String {
    match format {
        Format::Human => human::render(outcome, colours),
        Format::Json => json::render(outcome),
        Format::Sarif => {
            let mut text = Vec::new();
            sarif::write(&mut text, &outcome.detectors, &outcome.issues).expect("writing to memory does not fail");
            text.push(b'\n');
            String::from_utf8(text).expect("JSON is UTF-8")
        }
    }
}
