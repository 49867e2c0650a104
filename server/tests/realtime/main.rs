//! The wire of a real server: joining, publishing, resuming, being refused and being removed.

#![allow(clippy::unwrap_used)]

mod analysis;
mod bad_input;
mod client;
mod disk;
mod fixture;
mod journal;
mod lifecycle;
mod limits;
mod membership;
mod metrics;
mod poll;
mod presence;
mod rooms;
mod slow;
mod storm;
mod streams;
mod tls;
