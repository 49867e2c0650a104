//! One module per command.

pub mod analyze;
pub mod login;
pub mod logs;
pub mod notify;
pub mod status;
