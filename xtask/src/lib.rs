//! What `cargo xtask` is made of. A library as well, so that the tests in a real window use the same virtual session
//! as the demo.

pub mod bench;
pub mod chaos;
pub mod codegen;
pub mod demo;
pub mod deny;
pub mod fuzz;
pub mod install;
pub mod processes;
pub mod session;
pub mod shell;
pub mod test;
pub mod tidy;
