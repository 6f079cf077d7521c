//! What a registry has to know about a manifest: what it is, and what it refers to.

use super::Result;
use super::refusal::{Code, Refusal};
use portolan_image::json::Value;
use portolan_image::{Annotations, Descriptor, Digest, Document, Error, Limits, MediaType};

/// A manifest or an index as a registry sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The media type, as `Content-Type` or the document says (Q-02, U-30).
    pub media_type: MediaType,
    /// Its own digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What the referrers list says of it as its type (W-11).
    pub artifact_type: Option<MediaType>,
    /// Its annotations, which the referrers list repeats (W-11).
    pub annotations: Annotations,
    /// The manifest that it is about, which need not exist (U-33).
    pub subject: Option<Digest>,
    /// The manifests that it lists; entries of an index that are no manifests are among `blobs`.
    pub children: Vec<Descriptor>,
    /// The blobs that it needs: config and layers. Those that may not be distributed are not needed.
    pub blobs: Vec<Digest>,
    /// All blobs that it mentions, with those that may not be distributed: nothing of this is garbage.
    pub mentioned: Vec<Digest>,
}

impl Pushed {
    /// Parses the bytes of a manifest whose digest is known to be right.
    ///
    /// `Content-Type`, the member `mediaType` and the shape must agree (U-30, N-15, row 40).
    ///
    /// # Errors
    /// [`Code::ManifestInvalid`], or [`Code::SizeInvalid`] with status 413 when it is too large (U-37).
    pub fn parse(bytes: &[u8], content_type: Option<&str>, digest: &Digest, limits: &Limits) -> Result<Self> {
        let invalid = |error: Error| match error {
            Error::LimitExceeded { key: "manifest-bytes", limit, .. } => too_large(limit),
            error => Refusal::new(Code::ManifestInvalid, error.to_string()),
        };
        // What says nothing about the type is as good as none.
        let content_type = content_type.filter(|text| {
            let text = portolan_image::media_type::base(text);
            !text.is_empty() && text != "application/octet-stream"
        });
        let expected = content_type.map(MediaType::from_content_type).transpose().map_err(invalid)?;
        let document = Document::parse(bytes, content_type, limits).map_err(invalid)?;
        let media_type = expected.unwrap_or_else(|| document.media_type());
        let size = bytes.len() as u64;
        let digest = digest.clone();
        Ok(match document {
            Document::Index(index) => {
                let (children, others): (Vec<_>, Vec<_>) =
                    index.manifests.into_iter().partition(Descriptor::is_document);
                let others: Vec<Digest> = others.into_iter().map(|entry| entry.digest).collect();
                Self {
                    media_type,
                    digest,
                    size,
                    artifact_type: index.artifact_type,
                    annotations: index.annotations,
                    subject: index.subject.map(|subject| subject.digest),
                    children,
                    blobs: others.clone(),
                    mentioned: others,
                }
            }
            Document::Manifest(manifest) => {
                let artifact_type = Some(manifest.artifact_type().clone());
                let all = || std::iter::once(&manifest.config).chain(&manifest.layers);
                let needed = all().filter(|blob| !blob.media_type.is_non_distributable());
                Self {
                    media_type,
                    digest,
                    size,
                    artifact_type,
                    blobs: needed.map(|blob| blob.digest.clone()).collect(),
                    mentioned: all().map(|blob| blob.digest.clone()).collect(),
                    subject: manifest.subject.as_ref().map(|subject| subject.digest.clone()),
                    annotations: manifest.annotations,
                    children: Vec::new(),
                }
            }
        })
    }

    /// The descriptor that lists it in an `index.json`.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest.clone(), self.size)
    }

    /// The descriptor that lists it among the referrers of its subject (W-11).
    #[must_use]
    pub fn referrer(&self) -> Value {
        let mut descriptor = self.descriptor();
        descriptor.artifact_type = self.artifact_type.clone();
        descriptor.annotations = self.annotations.clone();
        descriptor.to_value()
    }
}

/// The refusal of a manifest that is larger than this registry takes (U-37).
#[must_use]
pub fn too_large(limit: u64) -> Refusal {
    let message = format!("a manifest has at most {limit} bytes here");
    Refusal::new(Code::SizeInvalid, message).with_status(413)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

    fn parse(text: &str, content_type: Option<&str>) -> Result<Pushed> {
        Pushed::parse(text.as_bytes(), content_type, &Descriptor::empty().digest, &Limits::default())
    }

    fn descriptor(media_type: &str, number: u8) -> String {
        format!(r#"{{"mediaType":"{media_type}","size":1,"digest":"sha256:{}"}}"#, format!("{number:02x}").repeat(32))
    }

    #[test]
    fn w_11_the_artifact_type_is_that_of_the_manifest_else_that_of_the_config() {
        let manifest = |member: &str| {
            let (config, layer) = (descriptor("a/config", 1), descriptor("a/layer", 2));
            format!(r#"{{"schemaVersion":2,{member}"config":{config},"layers":[{layer}],"annotations":{{"k":"v"}}}}"#)
        };
        let pushed = parse(&manifest(""), Some(MANIFEST)).unwrap();
        assert_eq!(pushed.artifact_type.as_ref().unwrap().as_str(), "a/config");
        assert_eq!(pushed.referrer().member("annotations").unwrap().member("k").unwrap().as_str(), Some("v"));
        let pushed = parse(&manifest(r#""artifactType":"a/b","#), None).unwrap();
        assert_eq!(pushed.artifact_type.unwrap().as_str(), "a/b");
        let pushed = parse(r#"{"schemaVersion":2,"manifests":[]}"#, Some(INDEX)).unwrap();
        assert_eq!(pushed.artifact_type, None);
        assert_eq!(pushed.referrer().member("artifactType"), None);
    }

    #[test]
    fn layers_that_may_not_be_distributed_are_not_needed_and_no_garbage_either() {
        let layer = descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", 2);
        let text = format!(r#"{{"schemaVersion":2,"config":{},"layers":[{layer}]}}"#, descriptor("a/b", 1));
        let pushed = parse(&text, Some(MANIFEST)).unwrap();
        assert_eq!((pushed.blobs.len(), pushed.mentioned.len()), (1, 2));
    }

    #[test]
    fn an_index_has_children_and_other_entries() {
        let entries = [descriptor(MANIFEST, 1), descriptor("a/b", 2), descriptor(INDEX, 3)].join(",");
        let pushed = parse(&format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#), Some(INDEX)).unwrap();
        assert_eq!((pushed.children.len(), pushed.blobs.len()), (2, 1));
    }

    /// Row 40.
    #[test]
    fn u_30_content_type_media_type_and_shape_agree() {
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
        assert!(parse(&index, Some(INDEX)).is_ok());
        assert!(parse(&index, Some(&format!("{INDEX}; charset=utf-8"))).is_ok());
        assert!(parse(&index, Some("application/octet-stream")).is_ok());
        let hybrid = format!(r#"{{"schemaVersion":2,"manifests":[],"config":{},"layers":[]}}"#, descriptor("a/b", 1));
        for (text, content_type) in [(&index, Some(MANIFEST)), (&index, Some("text/html")), (&hybrid, None)] {
            assert_eq!(parse(text, content_type).unwrap_err().code, Code::ManifestInvalid);
        }
    }

    #[test]
    fn u_37_too_large_is_413() {
        let limits = Limits { manifest_bytes: 5, ..Limits::default() };
        let refusal = Pushed::parse(b"{     }", None, &Descriptor::empty().digest, &limits).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (413, Code::SizeInvalid));
    }
}
