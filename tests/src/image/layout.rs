//! The blobs, the index and the files of an OCI layout (image-layout.md).

use super::{Algorithm, Builder, Descriptor, media_type};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What a Docker archive must know of an image.
#[derive(Clone, Debug, Default)]
pub(super) struct Built {
    /// The config's digest.
    pub(super) config: String,
    /// Blob digest and tar bytes of each layer.
    pub(super) layers: Vec<(String, Vec<u8>)>,
}

/// A file of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// A regular file.
    Bytes(Vec<u8>),
    /// A symbolic link, which no layout should have (hostile input 44).
    Symlink(String),
}

/// An OCI layout in memory.
///
/// The order of `index.json` is the order of [`Layout::entry`] and [`Layout::tag`].
#[derive(Clone, Debug, Default)]
pub struct Layout {
    blobs: BTreeMap<String, Vec<u8>>,
    entries: Vec<Descriptor>,
    index: Map<String, Value>,
    files: BTreeMap<String, Option<File>>,
    pub(super) built: BTreeMap<String, Built>,
}

impl Layout {
    /// A layout without blobs and entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A layout with one image under one tag.
    #[must_use]
    pub fn single(tag: &str, image: Builder) -> Self {
        let mut layout = Self::new();
        let manifest = layout.image(image);
        layout.tag(&manifest, tag);
        layout
    }

    /// Puts a blob in.
    pub fn blob(&mut self, media_type: &str, algorithm: Algorithm, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, algorithm, &bytes);
        self.blobs.insert(descriptor.digest().to_owned(), bytes);
        descriptor
    }

    /// Puts a document in.
    pub fn json(&mut self, media_type: &str, algorithm: Algorithm, document: &Value) -> Descriptor {
        self.blob(media_type, algorithm, serde_json::to_vec(document).expect("a JSON value has a text"))
    }

    /// Puts an image's blobs in; the answer describes the manifest and its platform.
    pub fn image(&mut self, image: Builder) -> Descriptor {
        image.put(self)
    }

    /// Puts an image index of these entries in.
    pub fn index(&mut self, entries: &[Descriptor]) -> Descriptor {
        self.index_with(entries, |_| {})
    }

    /// Puts an image index in, changed before its digest is made.
    pub fn index_with(&mut self, entries: &[Descriptor], edit: impl FnOnce(&mut Value)) -> Descriptor {
        let entries: Vec<&Value> = entries.iter().map(|entry| &entry.0).collect();
        let mut index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries });
        edit(&mut index);
        self.json(media_type::INDEX, Algorithm::Sha256, &index)
    }

    /// Adds an entry to `index.json`.
    pub fn entry(&mut self, descriptor: Descriptor) {
        self.entries.push(descriptor);
    }

    /// Adds an entry with a reference name to `index.json`.
    pub fn tag(&mut self, descriptor: &Descriptor, name: &str) {
        self.entry(descriptor.clone().annotation(REF_NAME, name));
    }

    /// The entries of `index.json`.
    #[must_use]
    pub fn entries(&self) -> &[Descriptor] {
        &self.entries
    }

    /// The digests of all blobs, in order.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        self.blobs.keys().map(String::as_str)
    }

    /// The bytes of a blob.
    #[must_use]
    pub fn bytes(&self, digest: &str) -> Option<&[u8]> {
        self.blobs.get(digest).map(Vec::as_slice)
    }

    /// A blob as a document.
    ///
    /// # Panics
    ///
    /// When there is no such blob, or it is no JSON.
    #[must_use]
    pub fn document(&self, digest: &str) -> Value {
        let bytes = self.bytes(digest).unwrap_or_else(|| panic!("the layout has no blob {digest}"));
        serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("blob {digest} is no JSON: {error}"))
    }

    /// Changes a blob and leaves its name: the digest no longer matches.
    ///
    /// # Panics
    ///
    /// When there is no such blob.
    pub fn corrupt(&mut self, digest: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.blobs.get_mut(digest).unwrap_or_else(|| panic!("the layout has no blob {digest}")));
    }

    /// Stores bytes under a digest, which may be any text.
    pub fn replace(&mut self, digest: &str, bytes: Vec<u8>) {
        self.blobs.insert(digest.to_owned(), bytes);
    }

    /// Takes a blob away.
    pub fn remove(&mut self, digest: &str) -> Option<Vec<u8>> {
        self.blobs.remove(digest)
    }

    /// Sets a member of `index.json`, such as `annotations`, or one that should not be there.
    pub fn edit_index(&mut self, key: &str, value: impl Into<Value>) {
        self.index.insert(key.to_owned(), value.into());
    }

    /// Adds a file, or replaces `oci-layout`, `index.json` or a blob's file.
    pub fn file(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.to_owned(), Some(File::Bytes(bytes.into())));
    }

    /// Puts a symbolic link in a file's place.
    pub fn symlink(&mut self, path: &str, target: &str) {
        self.files.insert(path.to_owned(), Some(File::Symlink(target.to_owned())));
    }

    /// Leaves a file out.
    pub fn omit(&mut self, path: &str) {
        self.files.insert(path.to_owned(), None);
    }

    /// The bytes of `index.json`.
    #[must_use]
    pub fn index_json(&self) -> Vec<u8> {
        let entries: Vec<&Value> = self.entries.iter().map(|entry| &entry.0).collect();
        let mut index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries });
        for (key, value) in &self.index {
            index[key] = value.clone();
        }
        serde_json::to_vec(&index).expect("a JSON value has a text")
    }

    /// The files of the layout by path, in order.
    pub(super) fn to_files(&self) -> BTreeMap<String, File> {
        let mut files = BTreeMap::new();
        files.insert("oci-layout".to_owned(), File::Bytes(br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
        files.insert("index.json".to_owned(), File::Bytes(self.index_json()));
        for (digest, bytes) in &self.blobs {
            files.insert(format!("blobs/{}", digest.replacen(':', "/", 1)), File::Bytes(bytes.clone()));
        }
        for (path, file) in &self.files {
            match file {
                Some(file) => drop(files.insert(path.clone(), file.clone())),
                None => drop(files.remove(path)),
            }
        }
        files
    }

    /// Writes the layout as a directory, which is made when missing.
    ///
    /// # Panics
    ///
    /// When the file system refuses.
    pub fn write(&self, directory: &Path) {
        std::fs::create_dir_all(directory.join("blobs")).expect("the layout's directory can be made");
        for (path, file) in self.to_files() {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(directory)).expect("a blob directory can be made");
            match file {
                File::Bytes(bytes) => std::fs::write(&path, bytes),
                File::Symlink(target) => std::os::unix::fs::symlink(target, &path),
            }
            .unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
        }
    }

    /// The images that `index.json` names directly, with their reference names.
    pub(super) fn tagged(&self) -> Vec<(&str, Vec<&str>)> {
        let mut images: Vec<(&str, Vec<&str>)> = Vec::new();
        for entry in self.entries.iter().filter(|entry| self.built.contains_key(entry.digest())) {
            if images.iter().all(|(digest, _)| *digest != entry.digest()) {
                images.push((entry.digest(), Vec::new()));
            }
            if let (Some(name), Some((_, names))) =
                (entry.0["annotations"][REF_NAME].as_str(), images.iter_mut().find(|(at, _)| *at == entry.digest()))
            {
                names.push(name);
            }
        }
        images
    }
}
