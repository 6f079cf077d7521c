//! The OCI distribution protocol without I/O: whoever speaks HTTP is told what to send, and tells what came back.
#![forbid(unsafe_code)]
pub mod server;
