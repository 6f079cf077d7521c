//! The interface `push`.

use crate::Component;
use crate::bindings::exports::portolan::image::push as wit;
use crate::bindings::exports::portolan::image::push::Guest;
use crate::bindings::exports::portolan::image::reference::Selector;
use crate::bindings::exports::portolan::image::registry::{ClientBorrow, Job as JobHandle, Repository as Named};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::registry::{Client, reference};
use portolan_registry::client::{BlobPush, ManifestPush};
use portolan_registry::{Repository, Result};

impl Guest for Component {
    fn blob(client: ClientBorrow<'_>, repository: Named, descriptor: Descriptor, push: wit::BlobPush) -> JobHandle {
        client.get::<Client>().job(&repository, |client, repository| {
            let from = push.mount_from.iter().map(|name| Repository::new(repository.registry(), name));
            let mount_from = from.collect::<Result<_>>()?;
            let push = BlobPush { mount_from, chunk: push.chunk, ..BlobPush::of(descriptor.try_into()?) };
            Ok(client.push_blob(repository, push))
        })
    }

    fn stream(client: ClientBorrow<'_>, repository: Named) -> JobHandle {
        client
            .get::<Client>()
            .job(&repository, |client, repository| Ok(client.push_blob(repository, BlobPush::stream())))
    }

    fn manifest(
        client: ClientBorrow<'_>,
        repository: Named,
        descriptor: Descriptor,
        bytes: Vec<u8>,
        tags: Vec<String>,
    ) -> JobHandle {
        client.get::<Client>().job(&repository, |client, repository| {
            Ok(client.push_manifest(repository, ManifestPush::of(descriptor.try_into()?, bytes).with_tags(tags)))
        })
    }

    fn delete_manifest(client: ClientBorrow<'_>, repository: Named, selector: Selector) -> JobHandle {
        client
            .get::<Client>()
            .job(&repository, |client, repository| Ok(client.delete(repository, &reference(selector)?)))
    }

    fn delete_blob(client: ClientBorrow<'_>, repository: Named, digest: String) -> JobHandle {
        client
            .get::<Client>()
            .job(&repository, |client, repository| Ok(client.delete_blob(repository, &digest.parse()?)))
    }
}
