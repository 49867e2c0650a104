//! Faults on purpose: a real server and real members, each a process of its own, with named faults between them, and a
//! checker that holds what everybody logged against the journal.
//!
//! A run is `plan` (seed → faults, pure) → `run` (does them) → `checker` (pure: logs in, verdict out). Times are the
//! machine's, so the same seed gives the same faults and not the same interleaving. Deliberately absent: mocks; the
//! only thing of ours between the programs is the proxy in `net`.

pub mod caches;
pub mod checker;
pub mod disk;
pub mod journals;
pub mod line;
pub mod member;
pub mod net;
pub mod plan;
pub mod run;
pub mod shrink;
pub mod stage;
pub mod voice;
pub mod work;
pub mod yesterday;
