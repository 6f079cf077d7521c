//! The archives of `docker save`: their `manifest.json`, and documents that say the same in the words of a layout.

use crate::annotation::{Annotations, CONTAINERD_IMAGE_NAME};
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest};
use crate::error::{Error, Result};
use crate::json::{Cursor, Value, quote};
use crate::layout::{Listing, Untagged};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::media_type::MediaType;
use crate::reference::Named;

const ARCHIVE: &str = "docker archive";

/// The `manifest.json` of a docker archive beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The bytes as they were received.
    pub raw: Vec<u8>,
    /// The images.
    pub images: Vec<ArchiveImage>,
}

/// One image of a docker archive: paths of members of the archive, none of which climbs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveImage {
    /// The path of the config.
    pub config: String,
    /// References such as `alpine:3.20`; there may be none.
    pub repo_tags: Vec<String>,
    /// The paths of the layers, bottom first; each is an uncompressed tar.
    pub layers: Vec<String>,
}

impl Archive {
    /// Parses the file. Unknown members are no error.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] for a broken rule or a path that is absolute or climbs (GHSA of apple/container),
    /// [`Error::LimitExceeded`] for `manifest-bytes`, `json-depth`, `index-entries` and `layers`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let value = Value::parse(ARCHIVE, bytes, ("manifest-bytes", limits.manifest_bytes), limits)?;
        let images = Cursor::new(ARCHIVE, &value).elements()?;
        Limits::check("index-entries", limits.index_entries, images.len() as u64, || {
            format!("{ARCHIVE} of {} images", images.len())
        })?;
        let images = images.iter().map(|image| ArchiveImage::read(image, limits)).collect::<Result<_>>()?;
        Ok(Self { raw: bytes.to_vec(), images })
    }

    /// An `index.json` that lists the images, each by the descriptor of its manifest, in the order of the archive.
    ///
    /// An image stands once for each of its references, which are kept as `io.containerd.image.name` (Y-13).
    ///
    /// # Errors
    /// [`Error::InvalidState`] when there are not as many descriptors as images.
    pub fn index(&self, manifests: &[Descriptor]) -> Result<Vec<u8>> {
        if manifests.len() != self.images.len() {
            return Err(Error::InvalidState { reason: "an archive's index takes one manifest for each of its images" });
        }
        let mut entries = Vec::new();
        for (image, manifest) in self.images.iter().zip(manifests) {
            if image.repo_tags.is_empty() {
                entries.push(manifest.to_value());
            }
            for tag in &image.repo_tags {
                let annotations: Annotations = [(CONTAINERD_IMAGE_NAME, tag)].into_iter().collect();
                entries.push(Descriptor { annotations, ..manifest.clone() }.to_value());
            }
        }
        Ok(object(vec![
            ("schemaVersion", Value::Unsigned(2)),
            ("mediaType", Value::String(MediaType::ImageIndex.to_string())),
            ("manifests", Value::Array(entries)),
        ])
        .to_bytes())
    }
}

/// The documents of a docker archive of one image that is a layout as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The `manifest.json`, which calls the blobs by the names that the layout gives them.
    pub listing: Vec<u8>,
    /// The `index.json`, which names the image in both ways (Y-13).
    pub index: Vec<u8>,
}

/// Writes the documents that Docker 25 and later put into an archive of one image. A name gets the tag `latest` where it
/// has none.
///
/// # Errors
/// [`Error::UnsupportedMediaType`] when the manifest is not that of a container image, [`Error::InvalidReference`] for a
/// name that is none, and those of [`Manifest::parse`].
pub fn write(descriptor: &Descriptor, manifest: &[u8], name: Option<&str>, limits: &Limits) -> Result<Written> {
    let manifest = Manifest::parse(manifest, limits)?;
    if !manifest.is_image() {
        return Err(Error::UnsupportedMediaType {
            media_type: manifest.artifact_type().to_string(),
            reason: "a docker archive holds container images only".to_owned(),
        });
    }
    let name = name.map(|name| name.parse::<Named>().map(Named::with_default_tag)).transpose()?;
    let text = |text: String| Value::String(text);
    let path = |blob: &Descriptor| text(format!("blobs/{}/{}", blob.digest.algorithm(), blob.digest.encoded()));
    let listing = Value::Array(vec![object(vec![
        ("Config", path(&manifest.config)),
        ("RepoTags", Value::Array(name.iter().map(|name| text(name.familiar())).collect())),
        ("Layers", Value::Array(manifest.layers.iter().map(path).collect())),
    ])]);
    let mut index = Listing::default();
    match &name {
        None => index.add(descriptor),
        Some(name) => {
            let pairs = descriptor.annotations.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
            let full = (CONTAINERD_IMAGE_NAME.to_owned(), name.to_string());
            let annotations: Annotations = pairs.chain([full]).collect();
            let descriptor = Descriptor { annotations, ..descriptor.clone() };
            index.set_tag(name.tag().unwrap_or_default(), &descriptor, Untagged::Drop);
        }
    }
    Ok(Written { listing: listing.to_bytes(), index: index.to_bytes() })
}

impl ArchiveImage {
    fn read(object: &Cursor<'_>, limits: &Limits) -> Result<Self> {
        let layers = object.optional("Layers")?.map(|layers| layers.elements()).transpose()?.unwrap_or_default();
        Limits::check("layers", limits.layers, layers.len() as u64, || {
            format!("{ARCHIVE} with an image of {} layers", layers.len())
        })?;
        Ok(Self {
            config: member_path(&object.required("Config")?)?,
            repo_tags: object.optional_strings("RepoTags")?,
            layers: layers.iter().map(member_path).collect::<Result<_>>()?,
        })
    }

    /// A manifest that says what the archive says, so that all that follows is the same as for a layout.
    ///
    /// `config` is the digest and size of the config's bytes; `sizes` are the sizes of the layers' members. The
    /// archive's layers are uncompressed, so the digest of each is its DiffID, which the config promises. Equal
    /// archives give equal bytes (J-06).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when the config promises another number of layers than the archive has (row 43).
    pub fn manifest(&self, config: (Digest, u64), diff_ids: &[DiffId], sizes: &[u64]) -> Result<Vec<u8>> {
        if diff_ids.len() != self.layers.len() || sizes.len() != self.layers.len() {
            return Err(Error::InvalidDocument {
                document: ARCHIVE,
                pointer: String::new(),
                reason: format!(
                    "{} layers with {} sizes, and {} diff_ids in the config {}",
                    self.layers.len(),
                    sizes.len(),
                    diff_ids.len(),
                    config.0
                ),
            });
        }
        let layers = diff_ids.iter().zip(sizes);
        let layers =
            layers.map(|(id, size)| Descriptor::new(MediaType::DockerLayer, id.0.clone(), *size).to_value()).collect();
        Ok(object(vec![
            ("schemaVersion", Value::Unsigned(2)),
            ("mediaType", Value::String(MediaType::DockerManifest.to_string())),
            ("config", Descriptor::new(MediaType::DockerConfig, config.0, config.1).to_value()),
            ("layers", Value::Array(layers)),
        ])
        .to_bytes())
    }
}

fn object(members: Vec<(&str, Value)>) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The path of a member of the archive, which lies in the archive whoever looks for it.
fn member_path(value: &Cursor<'_>) -> Result<String> {
    let path = value.string()?;
    let is_inside = !path.is_empty() && !path.contains(['\\', '\0']) && !path.starts_with('/');
    if !is_inside || path.split('/').any(|component| component == "..") {
        return Err(value.invalid(format!("expected a path inside the archive, found {}", quote(path))));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Index;
    use crate::manifest::Manifest;

    fn parse(text: &str) -> Result<Archive> {
        Archive::parse(text.as_bytes(), &Limits::default())
    }

    fn diff_id(digit: char) -> DiffId {
        DiffId(format!("sha256:{}", digit.to_string().repeat(64)).parse().unwrap())
    }

    #[test]
    fn an_image_of_an_archive_has_a_manifest_whose_layers_are_its_diff_ids() {
        let archive =
            parse(r#"[{"Config":"a.json","RepoTags":["x:1"],"Layers":["b/layer.tar","c"],"More":1}]"#).unwrap();
        let config = Descriptor::empty();
        let ids = [diff_id('1'), diff_id('2')];
        let bytes = archive.images[0].manifest((config.digest.clone(), config.size), &ids, &[512, 1024]).unwrap();
        let manifest = Manifest::parse(&bytes, &Limits::default()).unwrap();
        assert!(manifest.is_image());
        let layers: Vec<_> = manifest.layers.iter().map(|layer| (DiffId(layer.digest.clone()), layer.size)).collect();
        assert_eq!(layers, [(ids[0].clone(), 512), (ids[1].clone(), 1024)]);
        // Row 43.
        assert!(archive.images[0].manifest((config.digest, 2), &ids[..1], &[512, 1024]).is_err());
    }

    #[test]
    fn y_13_an_image_stands_in_the_index_once_for_each_reference() {
        let archive = parse(r#"[{"Config":"a","RepoTags":["x:1","y"],"Layers":null},{"Config":"b","RepoTags":null}]"#);
        let archive = archive.unwrap();
        let bytes = archive.index(&[Descriptor::empty(), Descriptor::empty()]).unwrap();
        let index = Index::parse(&bytes, &Limits::default()).unwrap();
        let names: Vec<_> =
            index.manifests.iter().map(|entry| entry.annotations.value(CONTAINERD_IMAGE_NAME)).collect();
        assert_eq!(names, [Some("x:1"), Some("y"), None]);
        assert!(archive.index(&[]).is_err());
    }

    #[test]
    fn a_path_that_leaves_the_archive_is_refused() {
        for path in ["", "/etc/passwd", "../x", "a/../../b", "a/..", "..\\\\x"] {
            let text = format!(r#"[{{"Config":"c","Layers":["{path}"]}}]"#);
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains("/0/Layers/0: expected a path inside the archive"), "{error}");
        }
    }

    /// Y-13: both kinds of readers find the image by its name.
    #[test]
    fn what_is_written_reads_back_as_both_kinds() {
        let mut blobs = crate::blobs::Blobs::default();
        let image = blobs.image("linux/amd64", "x");
        let written = write(&image, &blobs.0[&image.digest], Some("busybox"), &Limits::default()).unwrap();
        let archive = Archive::parse(&written.listing, &Limits::default()).unwrap();
        assert_eq!(archive.images[0].repo_tags, ["busybox:latest"]);
        let paths = archive.images[0].layers.iter().chain([&archive.images[0].config]);
        assert!(paths.clone().all(|path| path.starts_with("blobs/sha256/")), "{archive:?}");
        let entries = Listing::parse(&written.index, &Limits::default()).unwrap().entries().unwrap();
        assert_eq!(entries[0].tag.as_deref(), Some("latest"));
        let name = entries[0].descriptor.annotations.value(CONTAINERD_IMAGE_NAME);
        assert_eq!(name, Some("docker.io/library/busybox:latest"));
        assert!(write(&image, &blobs.0[&image.digest], Some("A b"), &Limits::default()).is_err());
        let config = blobs.add(MediaType::parse("a/b").unwrap(), b"{}");
        let artifact = blobs.manifest(config, &[], "");
        let error = write(&artifact, &blobs.0[&artifact.digest], None, &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::UnsupportedMediaType { .. }), "{error}");
    }
}
