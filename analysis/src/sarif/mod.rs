//! SARIF 2.1.0, the form in which analysis tools exchange results: [`write()`] for the outside, one reader for all tools
//! within. Only the part that an issue is made of; code flows, graphs and fixes are passed over.

mod model;
mod read;
mod write;

pub(crate) use read::read;
pub use write::write;

/// What a fuzz target calls: the issues of a log that a tool wrote about the folder `root`.
///
/// # Errors
/// When the text is no SARIF.
#[cfg(feature = "fuzzing")]
pub fn issues(text: &[u8], root: &std::path::Path) -> Result<Vec<watchbell_protocol::event::Issue>, serde_json::Error> {
    let mut scribe = crate::finding::Scribe::new("detector", root, crate::fingerprint::Key::from_bytes([7; 32]));
    let mut issues = Vec::new();
    read(text, &mut |finding| {
        issues.extend(scribe.issue(finding));
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(issues)
}

#[cfg(test)]
mod tests;
