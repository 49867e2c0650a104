//! What needs more than one process: restarts, several members, the real window. The fixtures are here, the tests in
//! `tests/`.

pub mod programs;
pub mod server;
