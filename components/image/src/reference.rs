//! What names an image: a repository at a registry, a tag, a digest, or a place on disk.
//!
//! The distribution-spec defines the name and the tag only ([`is_name`], [`is_tag`]); what people type is Docker's
//! grammar with its defaults ([`Named`]); what the command line takes is wider still ([`ImageReference`]).

mod grammar;
mod location;
mod named;

pub use grammar::{is_name, is_ref_name, is_tag};
pub use location::{Candidate, ImageReference, Location, Selector};
pub use named::{Named, Reference};
