//! The interface `limits`.

use crate::Component;
use crate::bindings::exports::portolan::image::limits::Guest;
use crate::types::{Limit, Result};
use portolan_image::Limits;

impl Guest for Component {
    fn defaults() -> Vec<Limit> {
        entries(&Limits::default())
    }

    fn parse(text: String) -> Result<Vec<Limit>> {
        let defaults = entries(&Limits::default());
        let parsed = entries(&Limits::default().with(&text)?);
        Ok(parsed.into_iter().zip(defaults).filter(|(new, old)| new.value != old.value).map(|(new, _)| new).collect())
    }
}

fn entries(limits: &Limits) -> Vec<Limit> {
    limits.entries().into_iter().map(|(key, value)| Limit { key: key.to_owned(), value }).collect()
}
