//! Running detectors over a folder: which fit, what they find, how far they are, and stopping them without a trace.
//!
//! The whole of it, in the order a caller meets it:
//!
//! ```no_run
//! # use watchbell_analysis::{PlanOptions, Update, plan};
//! # use watchbell_protocol::AnalysisId;
//! # use tokio_util::sync::CancellationToken;
//! # async fn example() -> Result<(), watchbell_analysis::PlanError> {
//! let plan = plan(".".as_ref(), &PlanOptions::default()).await?; // looks, runs nothing of the folder's code
//! let mut running = plan.start(AnalysisId::fresh(), &[], CancellationToken::new());
//! while let Some(update) = running.updates.recv().await {
//!     if let Update::Issues(issues) = update {
//!         println!("{} issues", issues.len());
//!     }
//! }
//! let outcome = running.outcome().await; // every process is gone, every temporary file removed
//! # Ok(()) }
//! ```
//!
//! Deliberately absent: the network, clients and servers, the terminal, and any memory of earlier runs (how long a
//! detector usually takes is passed in).

mod builtin;
mod checkout;
mod detector;
mod finding;
mod fingerprint;
mod location;
mod plan;
mod process;
mod progress;
mod run;
pub mod sarif;
mod scratch;
mod severity;
mod tree;

pub use detector::names as detector_names;
pub use plan::{Plan, PlanError, PlanOptions, plan};
pub use run::{Cut, Outcome, Running, Update};
