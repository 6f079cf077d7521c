//! The interface `artifact`.

use crate::Component;
use crate::bindings::exports::portolan::image::artifact::{Guest, Packed, Parts};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Result};
use portolan_image::{MediaType, artifact};

impl Guest for Component {
    fn describe(media_type: String, digest: String, size: u64, title: String) -> Result<Descriptor> {
        Ok(artifact::describe(MediaType::parse(&media_type)?, digest.parse()?, size, &title)?.into())
    }

    fn pack(parts: Parts) -> Result<Packed> {
        let annotations = parts.annotations.into_iter().map(|annotation| (annotation.key, annotation.value));
        let parts = artifact::Parts {
            artifact_type: parts.artifact_type.as_deref().map(MediaType::parse).transpose()?,
            config: parts.config.map(TryInto::try_into).transpose()?,
            files: parts.files.into_iter().map(TryInto::try_into).collect::<portolan_image::Result<_>>()?,
            subject: parts.subject.map(TryInto::try_into).transpose()?,
            annotations: annotations.collect(),
        };
        let (descriptor, bytes) = parts.pack(&Imported)?;
        Ok(Packed { descriptor: descriptor.into(), bytes })
    }

    fn title(descriptor: Descriptor) -> Result<Option<String>> {
        Ok(artifact::title(&descriptor.try_into()?)?.map(str::to_owned))
    }
}
