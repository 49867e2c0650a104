//! Processes: found on a search path, started in a scrubbed environment and a group of their own, and ended with all
//! their descendants. Nothing here knows what a detector is.

mod environment;
mod group;
mod pipe;
mod search;
mod tail;

pub(crate) use environment::{Environment, Toolchain};
pub(crate) use group::{Group, Order};
pub(crate) use pipe::{Pipe, pipe};
pub(crate) use search::{SearchPath, version};
pub(crate) use tail::Tail;
