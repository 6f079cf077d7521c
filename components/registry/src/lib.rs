//! The OCI distribution protocol without I/O: whoever speaks HTTP is told what to send, and tells what came back.
//!
//! [`Client`] is the end that pulls and pushes: it starts [`Job`]s. [`server`] are the rules of the other end.
#![forbid(unsafe_code)]

pub mod client;
pub mod error;
pub mod http;
pub mod job;
pub mod referrers;
pub mod server;

pub use client::{Client, Credentials, Options, Repository};
pub use error::{Error, Result};
pub use job::{Job, Outcome, Step};
