//! The client by scripts: what it must send, and what is answered.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "client/auth.rs"]
mod auth;
#[path = "client/listing.rs"]
mod listing;
#[path = "client/pull.rs"]
mod pull;
#[path = "client/push.rs"]
mod push;
#[path = "client/script.rs"]
mod script;
