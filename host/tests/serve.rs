//! The registry over the wire: requests as they are written, the files that they leave, and what outlives a crash.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "serve/around.rs"]
mod around;
#[path = "serve/crashes.rs"]
mod crashes;
#[path = "serve/explorer.rs"]
mod explorer;
#[path = "serve/lists.rs"]
mod lists;
#[path = "serve/pushes.rs"]
mod pushes;
#[path = "serve/wire.rs"]
mod wire;
