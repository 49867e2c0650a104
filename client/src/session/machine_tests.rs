//! Facts about the reconnect machine. Time is a number here, so nothing sleeps.

use super::*;
