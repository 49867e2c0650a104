//! How many detectors work at the same time, and in which order they start.

use std::{num::NonZero, thread::available_parallelism, time::Duration};

use crate::{
    detector::{Chosen, Cost, Work},
    progress::{Lane, Lanes},
};

/// Lanes for this machine: together as many as it has cores, and at least one for each kind. Tools bring threads of
/// their own, so on two cores one of them runs at a time, beside the built-in detectors.
pub(super) fn of_this_machine() -> Lanes {
    let cores = available_parallelism().map_or(2, NonZero::get);
    let builtin = if cores >= 4 { 2 } else { 1 };
    Lanes { builtin, tool: cores.saturating_sub(builtin).clamp(1, 4) }
}

/// The lane of a detector.
pub(super) fn lane(chosen: &Chosen) -> Lane {
    match chosen.detector.work {
        Work::Builtin(_) => Lane::Builtin,
        Work::Tool(_) => Lane::Tool,
    }
}

/// A guess at a detector's duration on so many files.
pub(super) fn guess(cost: Cost, files: u32) -> Duration {
    Duration::from_millis(cost.base_ms.into()) + Duration::from_micros(cost.file_us.into()) * files
}
