//! Image manifests and Docker manifests of schema 2: one config and its layers (manifest.md).

use crate::annotation::Annotations;
use crate::descriptor::{self, Descriptor};
use crate::document::read_header;
use crate::error::Result;
use crate::json::{Cursor, Value};
use crate::limits::Limits;
use crate::media_type::{Kind, MediaType};

const MANIFEST: &str = "image manifest";

/// An image manifest, or a Docker manifest of schema 2, beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The bytes as they were received; only they have a digest (J-01).
    pub raw: Vec<u8>,
    /// The media type that the manifest says it has (N-02).
    pub media_type: Option<MediaType>,
    /// The config. Its blob is parsed only when its media type is known (N-04).
    pub config: Descriptor,
    /// The layers, bottom first (N-09). There may be none (N-08): the text says SHOULD, and registries accept it.
    pub layers: Vec<Descriptor>,
    /// The artifact type as it is written; see [`Manifest::artifact_type`].
    pub declared_artifact_type: Option<MediaType>,
    /// The manifest that this one is about; a weak link, for referrers only (N-13).
    pub subject: Option<Descriptor>,
    /// Annotations of the manifest itself (N-14).
    pub annotations: Annotations,
}

impl Manifest {
    /// Parses a manifest that is known to be one.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) for a broken rule,
    /// [`Error::AmbiguousDocument`](crate::Error::AmbiguousDocument) when it has members of an index or says that it is
    /// one (N-15), [`Error::UnsupportedMediaType`](crate::Error::UnsupportedMediaType) for Docker schema 1 (M-10),
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for `manifest-bytes`, `json-depth` and `layers`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let value = Value::parse(MANIFEST, bytes, ("manifest-bytes", limits.manifest_bytes), limits)?;
        Self::read(bytes, &value, limits)
    }

    pub(crate) fn read(bytes: &[u8], value: &Value, limits: &Limits) -> Result<Self> {
        let document = Cursor::new(MANIFEST, value);
        let media_type = read_header(&document, Kind::Manifest, &["manifests", "fsLayers"])?;
        let layers = document.required("layers")?.elements()?;
        Limits::check("layers", limits.layers, layers.len() as u64, || {
            format!("{MANIFEST} of {} layers", layers.len())
        })?;
        let artifact_type = document.optional("artifactType")?.map(|name| descriptor::media_type(&name)).transpose()?;
        let config = Descriptor::read(&document.required("config")?)?;
        // A-02: without it nothing would say what the artifact is.
        if config.media_type == MediaType::Empty && artifact_type.is_none() {
            return Err(
                document.invalid(format!("artifactType is missing, and the config is of type {}", config.media_type))
            );
        }
        Ok(Self {
            raw: bytes.to_vec(),
            media_type,
            config,
            layers: layers.iter().map(Descriptor::read).collect::<Result<_>>()?,
            declared_artifact_type: artifact_type,
            subject: document.optional("subject")?.map(|subject| Descriptor::read(&subject)).transpose()?,
            annotations: Annotations::read(&document, "annotations")?,
        })
    }

    /// The artifact type: the declared one, else the media type of the config (A-08).
    #[must_use]
    pub fn artifact_type(&self) -> &MediaType {
        self.declared_artifact_type.as_ref().unwrap_or(&self.config.media_type)
    }

    /// Whether the config is that of a container image, so that the layers stack up to a root file system (N-06, N-09).
    ///
    /// Docker once pushed schema 2 manifests whose config has a type that says nothing (docker/distribution#1621); those
    /// are images too, as they are to Docker.
    #[must_use]
    pub fn is_image(&self) -> bool {
        const MISLABELLED: [&str; 3] = ["application/octet-stream", "application/json", "text/html"];
        self.config.media_type.kind() == Kind::Config
            || self.media_type == Some(MediaType::DockerManifest)
                && MISLABELLED.contains(&self.config.media_type.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn manifest(layers: usize, members: &str) -> Vec<u8> {
        let layer = String::from_utf8(Descriptor::empty().to_value().to_bytes()).unwrap();
        let layers = vec![layer.clone(); layers].join(",");
        let config = layer.replace("application/vnd.oci.empty.v1+json", "application/vnd.example.config");
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]{members}}}"#).into_bytes()
    }

    #[test]
    fn a_08_the_config_says_the_artifact_type_when_the_manifest_does_not() {
        let parse = |members| Manifest::parse(&manifest(0, members), &Limits::default()).unwrap();
        assert_eq!(parse("").artifact_type().as_str(), "application/vnd.example.config");
        assert_eq!(parse(r#","artifactType":"a/b""#).artifact_type().as_str(), "a/b");
    }

    #[test]
    fn a_manifest_of_too_many_layers_is_refused() {
        let limits = Limits { layers: 2, ..Limits::default() };
        assert!(Manifest::parse(&manifest(2, ""), &limits).is_ok());
        let error = Manifest::parse(&manifest(3, ""), &limits).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { key: "layers", limit: 2, .. }), "{error}");
    }

    #[test]
    fn j_01_the_bytes_stay_as_they_were() {
        let bytes = manifest(1, r#", "com.example.unknown" : { "b":1, "a":2 } "#);
        assert_eq!(Manifest::parse(&bytes, &Limits::default()).unwrap().raw, bytes);
    }

    /// Row 41.
    #[test]
    fn duplicate_names_are_refused() {
        let error = Manifest::parse(&manifest(1, r#","layers":[]"#), &Limits::default()).unwrap_err();
        assert!(error.to_string().contains(r#""layers" stands twice"#), "{error}");
    }
}
