//! The registry's end of the distribution protocol: what a request asks for, and how it is answered.
//!
//! Whoever serves HTTP hands in the parts of a request, keeps blobs and manifests, and sends what is answered here.

pub mod challenge;
pub mod condition;
pub mod cors;
pub mod pushed;
pub mod query;
pub mod range;
pub mod referrers;
pub mod refusal;
pub mod route;
pub mod tags;

pub use pushed::Pushed;
pub use query::Query;
pub use refusal::{Code, Refusal};
pub use route::{Reference, Route};

/// The result of everything that may be refused.
pub type Result<T> = std::result::Result<T, Refusal>;
