//! Documents as the interface shows them.

use crate::bindings::exports::portolan::image::manifest::{Config, History, ImageManifest, Index};
use crate::bindings::exports::portolan::image::types::{Annotation, Descriptor};
use portolan_image as image;

impl From<image::Descriptor> for Descriptor {
    fn from(descriptor: image::Descriptor) -> Self {
        Self {
            media_type: descriptor.media_type.to_string(),
            digest: descriptor.digest.to_string(),
            size: descriptor.size,
            urls: descriptor.urls,
            annotations: annotations(&descriptor.annotations),
            data: descriptor.data,
            platform: descriptor.platform.map(Into::into),
            artifact_type: descriptor.artifact_type.map(|name| name.to_string()),
        }
    }
}

impl TryFrom<Descriptor> for image::Descriptor {
    type Error = image::Error;

    fn try_from(descriptor: Descriptor) -> image::Result<Self> {
        let pairs = descriptor.annotations.into_iter();
        Ok(Self {
            urls: descriptor.urls,
            annotations: pairs.map(|annotation| (annotation.key, annotation.value)).collect(),
            data: descriptor.data,
            artifact_type: descriptor.artifact_type.as_deref().map(image::MediaType::parse).transpose()?,
            platform: descriptor.platform.map(Into::into),
            ..Self::new(image::MediaType::parse(&descriptor.media_type)?, descriptor.digest.parse()?, descriptor.size)
        })
    }
}

impl From<image::Index> for Index {
    fn from(index: image::Index) -> Self {
        Self {
            media_type: index.media_type.unwrap_or(image::MediaType::ImageIndex).to_string(),
            artifact_type: index.artifact_type.map(|name| name.to_string()),
            manifests: index.manifests.into_iter().map(Descriptor::from).collect(),
            subject: index.subject.map(Descriptor::from),
            annotations: annotations(&index.annotations),
        }
    }
}

impl From<image::Manifest> for ImageManifest {
    fn from(manifest: image::Manifest) -> Self {
        let artifact_type = (!manifest.is_image()).then(|| manifest.artifact_type().to_string());
        Self {
            media_type: manifest.media_type.unwrap_or(image::MediaType::ImageManifest).to_string(),
            artifact_type,
            config: manifest.config.into(),
            layers: manifest.layers.into_iter().map(Descriptor::from).collect(),
            subject: manifest.subject.map(Descriptor::from),
            annotations: annotations(&manifest.annotations),
        }
    }
}

impl From<image::Config> for Config {
    fn from(config: image::Config) -> Self {
        let execution = config.config.unwrap_or_default();
        Self {
            created: config.created,
            author: config.author,
            platform: config.platform.into(),
            user: execution.user,
            exposed_ports: execution.exposed_ports,
            env: execution.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
            entrypoint: execution.entrypoint.unwrap_or_default(),
            cmd: execution.cmd.unwrap_or_default(),
            volumes: execution.volumes,
            working_dir: execution.working_dir,
            labels: annotations(&execution.labels),
            stop_signal: execution.stop_signal,
            diff_ids: config.diff_ids.iter().map(ToString::to_string).collect(),
            history: config
                .history
                .into_iter()
                .map(|step| History {
                    created: step.created,
                    created_by: step.created_by,
                    author: step.author,
                    comment: step.comment,
                    empty_layer: step.empty_layer,
                })
                .collect(),
        }
    }
}

fn annotations(annotations: &image::Annotations) -> Vec<Annotation> {
    annotations.iter().map(|(key, value)| Annotation { key: key.to_owned(), value: value.to_owned() }).collect()
}
