//! The interface `archive`.

use crate::Component;
use crate::bindings::exports::portolan::image::archive::{Guest, GuestMembers, Member, Range};
use crate::types::{Error, Limit, Result, limits};
use portolan_layer::archive;
use std::cell::RefCell;

impl Guest for Component {
    type Members = Members;
}

/// The members of an archive, or why there are none.
pub(crate) struct Members(RefCell<archive::Members>, Option<Error>);

impl GuestMembers for Members {
    fn new(replaced: Vec<Limit>) -> Self {
        // A constructor cannot fail: what is wrong with the limits is said by the first call that can.
        let (limits, error) = match limits(&replaced) {
            Ok(limits) => (limits, None),
            Err(error) => (portolan_image::Limits::default(), Some(error)),
        };
        Self(RefCell::new(archive::Members::new(limits)), error)
    }

    fn next(&self) -> Option<Range> {
        let range = self.0.borrow().next()?;
        Some(Range { offset: range.offset, length: range.length })
    }

    fn supply(&self, bytes: Vec<u8>) -> Result<()> {
        if let Some(error) = &self.1 {
            return Err(error.clone());
        }
        Ok(self.0.borrow_mut().supply(&bytes)?)
    }

    fn find(&self, path: String, follow: bool) -> Result<Option<Member>> {
        let members = self.0.borrow();
        let found = if follow { members.find(path.as_bytes())? } else { members.find_regular(path.as_bytes())? };
        Ok(found.map(|member| Member { offset: member.offset, size: member.size }))
    }
}
