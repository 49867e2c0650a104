//! What needs more than one process: restarts, several members, the real window. The fixtures are here, the tests in
//! `tests/`.

#[cfg(unix)]
pub mod chaos;
#[cfg(target_os = "linux")]
pub mod desktop;
#[cfg(unix)]
pub mod job;
pub mod programs;
pub mod proxy;
pub mod runner;
pub mod server;
#[cfg(unix)]
pub mod slow_tool;
pub mod trace;
