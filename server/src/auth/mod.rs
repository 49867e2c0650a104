//! Proving who somebody is: passwords, tokens, sign-ins. What they may do is decided in `policy` alone.

pub mod access;
pub mod api_token;
pub mod keys;
pub mod password;
pub mod principal;
pub mod refresh;
pub mod scope;
pub mod throttle;

pub use principal::{FamilyId, Principal};
pub use scope::Scope;
