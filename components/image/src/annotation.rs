//! Annotations: strings by name, on descriptors, indexes and manifests, and as labels in configs (annotations.md).

use crate::error::Result;
use crate::json::{Cursor, Value};

/// The tag of an image in a layout's `index.json` (T-08).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// When an image was built, as an RFC 3339 date-time.
pub const CREATED: &str = "org.opencontainers.image.created";
/// A title for people; of a layer of an artifact, the name of its file.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The digest of the image that this one was built upon (T-07).
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// The reference of the image that this one was built upon (T-07).
pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The full reference of an image in a layout that containerd or Docker wrote (Y-13).
pub const CONTAINERD_IMAGE_NAME: &str = "io.containerd.image.name";
/// What an entry of an index says about another entry, as BuildKit writes it (L-14).
pub const DOCKER_REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// The digest of the entry that an attestation is about, as BuildKit writes it (L-14).
pub const DOCKER_REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// The keys below `org.opencontainers.image` that the image-spec defines (T-06), and those that conversion.md derives.
const DEFINED: [&str; 22] = [
    "created",
    "authors",
    "url",
    "documentation",
    "source",
    "version",
    "revision",
    "vendor",
    "licenses",
    "ref.name",
    "title",
    "description",
    "base.digest",
    "base.name",
    "os",
    "architecture",
    "variant",
    "os.version",
    "os.features",
    "author",
    "stopSignal",
    "exposedPorts",
];

/// Strings by name, in the order of the document; names are unique (T-01).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations(Vec<(String, String)>);

impl Annotations {
    /// Reads the member `name` of an object; missing, null and empty are the same (T-04).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) when it is no object whose values are strings.
    pub fn read(object: &Cursor<'_>, name: &str) -> Result<Self> {
        let Some(map) = object.optional(name)? else { return Ok(Self::default()) };
        let pairs = map.members()?.into_iter();
        pairs.map(|(key, value)| Ok((key.to_owned(), value.string()?.to_owned()))).collect::<Result<_>>().map(Self)
    }

    /// The value of a key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// Every key with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These annotations as a JSON object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Annotations {
    /// Collects pairs; of pairs with the same key the last one stays, in the place of the first.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut places = std::collections::HashMap::new();
        let mut all: Vec<(String, String)> = Vec::new();
        for (key, value) in pairs {
            let (key, value) = (key.into(), value.into());
            match places.get(&key).and_then(|place: &usize| all.get_mut(*place)) {
                Some(found) => found.1 = value,
                None => {
                    places.insert(key.clone(), all.len());
                    all.push((key, value));
                }
            }
        }
        Self(all)
    }
}

/// Whether a key lies in a name space of the specs that does not define it (T-03).
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    match key.strip_prefix("org.opencontainers") {
        None => false,
        Some(rest) => match rest.strip_prefix(".image.") {
            Some(name) => !DEFINED.contains(&name),
            None => rest.is_empty() || rest.starts_with('.'),
        },
    }
}

/// The image-spec's key for a key of the older label-schema.org convention (T-10).
#[must_use]
pub fn from_label_schema(key: &str) -> Option<&'static str> {
    Some(match key {
        "org.label-schema.build-date" => CREATED,
        "org.label-schema.url" => "org.opencontainers.image.url",
        "org.label-schema.vcs-url" => "org.opencontainers.image.source",
        "org.label-schema.version" => "org.opencontainers.image.version",
        "org.label-schema.vcs-ref" => "org.opencontainers.image.revision",
        "org.label-schema.vendor" => "org.opencontainers.image.vendor",
        "org.label-schema.name" => TITLE,
        "org.label-schema.description" => "org.opencontainers.image.description",
        "org.label-schema.usage" => "org.opencontainers.image.documentation",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_03_undefined_keys_of_the_specs_are_reserved() {
        for key in ["org.opencontainers", "org.opencontainers.foo", "org.opencontainers.image.foo"] {
            assert!(is_reserved(key), "{key}");
        }
        for key in [CREATED, REF_NAME, "org.opencontainersx", "com.example.org.opencontainers", "maintainer", ""] {
            assert!(!is_reserved(key), "{key}");
        }
    }

    #[test]
    fn collecting_keeps_keys_unique() {
        let annotations: Annotations = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(annotations.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
    }
}
