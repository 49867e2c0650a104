//! Proving who somebody is: passwords, tokens, sign-ins. What they may do is decided in `policy` alone.

pub mod principal;
pub mod scope;

pub use principal::{FamilyId, Principal};
pub use scope::Scope;
