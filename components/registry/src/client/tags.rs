//! Listing tags (W-01 to W-06), and following pages.

use super::address::Address;
use super::exchange::{Ask, Reply};
use super::{Endpoint, Repository, Shared, scope};
use crate::error::{Error, Result};
use crate::http::{Method, next_link};
use crate::job::{Desk, Outcome};
use portolan_image::reference::is_tag;
use serde_json::Value;
use std::collections::HashSet;

/// How many tags are asked for at once. Registries that mind give fewer.
const PAGE: u32 = 1000;
/// Bytes of one page.
pub(super) const PAGE_BYTES: u64 = 8 << 20;
/// Pages of one listing, and bytes of all of them: a registry must not keep us for ever (row 55).
const PAGES: usize = 10_000;
const ALL_BYTES: usize = 256 << 20;

/// Follows the pages of a listing.
pub(super) struct Pages {
    next: Option<Address>,
    seen: HashSet<String>,
    bytes: usize,
}

impl Pages {
    pub(super) fn from(first: Address) -> Self {
        Self { next: Some(first), seen: HashSet::new(), bytes: 0 }
    }

    pub(super) fn take(&mut self) -> Option<Address> {
        self.next.take()
    }

    /// Finds the next page in the answer to the one before (W-04, W-06).
    pub(super) fn follow(&mut self, endpoint: &Endpoint, reply: &Reply) -> Result<()> {
        self.seen.insert(reply.address.as_str().to_owned());
        self.bytes += reply.body.len();
        let Some(target) = next_link(reply.head.values("link")) else { return Ok(()) };
        let next = reply.address.follow(&target)?;
        if !next.is_same_origin(&endpoint.root) {
            let reason = "the next page of a listing is at the same registry";
            return Err(Error::InsecureLocation { location: next.shown(), reason });
        }
        if self.seen.contains(next.as_str()) || self.seen.len() >= PAGES || self.bytes > ALL_BYTES {
            return Err(reply.invalid(format!("the listing does not end: {} pages so far", self.seen.len())));
        }
        self.next = Some(next);
        Ok(())
    }
}

impl Shared {
    pub(super) async fn tags(&self, desk: &Desk, repository: &Repository) -> Result<Outcome> {
        let endpoint = self.endpoint(&repository.registry)?;
        let first = endpoint.at(repository, "tags/list").with_query("n", &PAGE.to_string());
        let mut pages = Pages::from(first);
        let mut tags: Vec<String> = Vec::new();
        while let Some(address) = pages.take() {
            let ask = Ask::new(Method::Get, address, &[scope(repository, "pull")]).read(PAGE_BYTES);
            let reply = self.exchange(desk, &endpoint, ask).await?;
            match reply.status() {
                200 => {}
                404 => return Err(Error::ManifestNotFound { name: repository.to_string() }),
                _ => return Err(reply.refused()),
            }
            let body: Value =
                serde_json::from_slice(&reply.body).map_err(|_| reply.invalid("the list of tags is not JSON"))?;
            // Some registries say null for none.
            let page = match body.get("tags") {
                Some(Value::Array(tags)) => tags.as_slice(),
                Some(Value::Null) | None => &[],
                Some(_) => return Err(reply.invalid("the list of tags is no list")),
            };
            for tag in page {
                let tag = tag.as_str().filter(|tag| is_tag(tag)).ok_or_else(|| reply.invalid("a tag is no tag"))?;
                tags.push(tag.to_owned());
            }
            pages.follow(&endpoint, &reply)?;
        }
        // A page may begin with what ended the one before.
        let mut seen = HashSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        Ok(Outcome::Tags(tags))
    }
}
