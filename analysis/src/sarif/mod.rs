//! SARIF 2.1.0, the form in which analysis tools exchange results: [`write()`] for the outside, one reader for all tools
//! within. Only the part that an issue is made of; code flows, graphs and fixes are passed over.

mod model;
mod read;
mod write;

pub(crate) use read::read;
pub use write::write;

#[cfg(test)]
mod tests;
