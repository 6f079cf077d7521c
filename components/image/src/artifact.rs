//! Artifacts: files with titles and types in the form of an image manifest (manifest.md#guidelines-for-artifact-usage).

use crate::annotation::{Annotations, TITLE};
use crate::descriptor::Descriptor;
use crate::digest::{Algorithm, Digest, Hashes, digest_bytes};
use crate::error::{Error, Result};
use crate::json::Value;
use crate::media_type::MediaType;

/// What an artifact is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// What kind of artifact it is; without one the media type of the config says so.
    pub artifact_type: Option<MediaType>,
    /// Without one it is the empty descriptor.
    pub config: Option<Descriptor>,
    /// The files, in order.
    pub files: Vec<Descriptor>,
    /// The manifest that the artifact is about (N-13).
    pub subject: Option<Descriptor>,
    /// Annotations of the manifest.
    pub annotations: Annotations,
}

impl Parts {
    /// The manifest, and what it is.
    ///
    /// The members are those of the specification in its order; a manifest without files has the empty descriptor as its
    /// only layer, since some registries refuse an empty list.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when neither a type nor a config says what the artifact is.
    pub fn pack(&self, hashes: &dyn Hashes) -> Result<(Descriptor, Vec<u8>)> {
        let config = self.config.clone().unwrap_or_else(empty);
        if self.artifact_type.is_none() && config.media_type == MediaType::Empty {
            return Err(Error::InvalidDocument {
                document: "artifact",
                pointer: "/artifactType".to_owned(),
                reason: "an artifact without a config needs a type".to_owned(),
            });
        }
        let text = |text: &str| Value::String(text.to_owned());
        let files: Vec<Value> = match self.files.as_slice() {
            [] => vec![empty().to_value()],
            files => files.iter().map(Descriptor::to_value).collect(),
        };
        let mut members = vec![("schemaVersion", Value::Unsigned(2))];
        members.push(("mediaType", text(MediaType::ImageManifest.as_str())));
        if let Some(artifact_type) = &self.artifact_type {
            members.push(("artifactType", text(artifact_type.as_str())));
        }
        members.push(("config", config.to_value()));
        members.push(("layers", Value::Array(files)));
        if let Some(subject) = &self.subject {
            let plain = Descriptor::new(subject.media_type.clone(), subject.digest.clone(), subject.size);
            members.push(("subject", plain.to_value()));
        }
        if !self.annotations.is_empty() {
            members.push(("annotations", self.annotations.to_value()));
        }
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let bytes = Value::Object(members).to_bytes();
        let digest = digest_bytes(hashes, &Algorithm::Sha256, &bytes)?;
        let mut descriptor = Descriptor::new(MediaType::ImageManifest, digest, bytes.len() as u64);
        descriptor.artifact_type = self.artifact_type.clone();
        Ok((descriptor, bytes))
    }
}

/// The empty descriptor with its content, so that nobody has to fetch two bytes.
fn empty() -> Descriptor {
    Descriptor { data: Some(b"{}".to_vec()), ..Descriptor::empty() }
}

/// Describes a file of an artifact.
///
/// # Errors
/// [`Error::InvalidPath`] when the title is none that [`title`] would answer.
pub fn describe(media_type: MediaType, digest: Digest, size: u64, title: &str) -> Result<Descriptor> {
    check(title)?;
    let annotations = [(TITLE, title)].into_iter().collect();
    Ok(Descriptor { annotations, ..Descriptor::new(media_type, digest, size) })
}

/// The path that the title of a file means; nothing where it has none.
///
/// Titles come from whoever wrote the artifact: one that leads out of a directory is no title (as in CVE-2026-50163).
///
/// # Errors
/// [`Error::InvalidPath`].
pub fn title(descriptor: &Descriptor) -> Result<Option<&str>> {
    let Some(title) = descriptor.annotations.value(TITLE) else { return Ok(None) };
    check(title)?;
    Ok(Some(title))
}

fn check(title: &str) -> Result<()> {
    let invalid = |rule| Err(Error::InvalidPath { path: title.chars().take(260).collect(), rule });
    if title.is_empty() {
        return invalid("a title is not empty");
    }
    if title.starts_with('/') || title.contains(['\\', '\0']) {
        return invalid("a title is a relative path, joined by /");
    }
    if title.split('/').any(|component| matches!(component, "" | "." | "..")) {
        return invalid("a title has no empty, . or .. component");
    }
    if title.split('/').any(|component| component.len() > 255) || title.len() > 4096 {
        return invalid("a component of a title has at most 255 bytes, and all of it 4096");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::SoftwareHashes;
    use crate::{Limits, Manifest};

    fn file(title: &str) -> Result<Descriptor> {
        describe(MediaType::parse("text/plain").unwrap(), Descriptor::empty().digest, 2, title)
    }

    /// N-13.
    #[test]
    fn an_artifact_is_a_manifest_that_others_read() {
        let subject = Descriptor::new(MediaType::ImageIndex, Descriptor::empty().digest, 7);
        let parts = Parts {
            artifact_type: Some(MediaType::parse("application/vnd.example").unwrap()),
            files: vec![file("a/b.txt").unwrap()],
            subject: Some(subject.clone()),
            annotations: [("k", "v")].into_iter().collect(),
            ..Parts::default()
        };
        let (descriptor, bytes) = parts.pack(&SoftwareHashes).unwrap();
        descriptor.verify(&bytes, &SoftwareHashes).unwrap();
        let manifest = Manifest::parse(&bytes, &Limits::default()).unwrap();
        assert_eq!(manifest.artifact_type().as_str(), "application/vnd.example");
        assert_eq!(manifest.config.verify_data(&SoftwareHashes).unwrap(), Some(&b"{}"[..]));
        assert_eq!(title(&manifest.layers[0]).unwrap(), Some("a/b.txt"));
        assert_eq!(manifest.subject, Some(subject));
        let (_, bytes) = Parts { files: Vec::new(), ..parts }.pack(&SoftwareHashes).unwrap();
        assert_eq!(Manifest::parse(&bytes, &Limits::default()).unwrap().layers.len(), 1);
    }

    ///
    #[test]
    fn something_says_what_it_is() {
        assert!(matches!(Parts::default().pack(&SoftwareHashes), Err(Error::InvalidDocument { .. })));
        let config = Descriptor::new(MediaType::parse("a/config").unwrap(), Descriptor::empty().digest, 2);
        let (_, bytes) = Parts { config: Some(config), ..Parts::default() }.pack(&SoftwareHashes).unwrap();
        assert_eq!(Manifest::parse(&bytes, &Limits::default()).unwrap().artifact_type().as_str(), "a/config");
    }

    #[test]
    fn a_title_stays_where_it_is_put() {
        for evil in ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".", "a/.", "c:\\x", "a\0b"] {
            assert!(matches!(file(evil), Err(Error::InvalidPath { .. })), "{evil}");
            let annotations = [(TITLE, evil)].into_iter().collect();
            let descriptor = Descriptor { annotations, ..Descriptor::empty() };
            assert!(title(&descriptor).is_err(), "{evil}");
        }
        assert_eq!(title(&file("..a/b..").unwrap()).unwrap(), Some("..a/b.."));
        assert_eq!(title(&Descriptor::empty()).unwrap(), None);
    }
}
