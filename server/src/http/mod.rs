//! The HTTP side: one file per resource. Bodies are the types of `watchbell_protocol::http`; every refusal is an
//! `ErrorBody` with the status that fits its code.

pub mod admission;
pub mod body;
pub mod caller;
pub mod client_address;
pub mod commands;
pub mod documents;
pub mod health;
pub mod info;
pub mod origin;
pub mod rate;
pub mod refusal;
pub mod request_log;
pub mod sign_in;

pub use body::JsonBody;
pub use caller::Caller;
pub use client_address::ClientAddress;
pub use refusal::Refusal;
