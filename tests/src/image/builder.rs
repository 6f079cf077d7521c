//! One image: layers, config and manifest.

use super::layout::{Built, Layout};
use super::{Algorithm, Descriptor, Layer, media_type};
use serde_json::{Map, Value, json};

type Edit = Box<dyn FnOnce(&mut Value)>;

/// The platform object of `os/architecture[/variant]`.
#[must_use]
pub fn platform(text: &str) -> Value {
    let mut platform = Map::new();
    let mut parts = text.split('/');
    for key in ["os", "architecture", "variant"] {
        if let Some(part) = parts.next() {
            platform.insert(key.to_owned(), part.into());
        }
    }
    Value::Object(platform)
}

/// An image under construction; [`Layout::image`] puts it into a layout.
///
/// ```
/// use portolan_tests::image::{Builder, Layer, Layout};
/// let mut layout = Layout::new();
/// let manifest = layout.image(
///     Builder::new("linux/arm64/v8")
///         .layer(Layer::zstd(vec![0; 1024]))
///         .run(serde_json::json!({ "Entrypoint": ["/hello"] }))
///         .edit_config(|config| config["rootfs"]["type"] = "stack".into()),
/// );
/// assert_eq!(manifest.0["platform"]["variant"], "v8");
/// ```
#[derive(Default)]
pub struct Builder {
    platform: Value,
    layers: Vec<Layer>,
    run: Option<Value>,
    created: Option<String>,
    author: Option<String>,
    annotations: Map<String, Value>,
    extra_history: Vec<(usize, Value)>,
    algorithm: Algorithm,
    config_algorithm: Algorithm,
    config: Option<(String, Vec<u8>)>,
    edit_config: Option<Edit>,
    edit_manifest: Option<Edit>,
}

impl Builder {
    /// An image for `os/architecture[/variant]`.
    #[must_use]
    pub fn new(platform: &str) -> Self {
        Self { platform: self::platform(platform), ..Self::default() }
    }

    /// Adds a layer on top.
    #[must_use]
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Adds layers on top.
    #[must_use]
    pub fn layers(mut self, layers: impl IntoIterator<Item = Layer>) -> Self {
        self.layers.extend(layers);
        self
    }

    /// Sets the config's `config` object: User, Env, Entrypoint and so on.
    #[must_use]
    pub fn run(mut self, run: Value) -> Self {
        self.run = Some(run);
        self
    }

    /// Sets `created` of config and history.
    #[must_use]
    pub fn created(mut self, created: &str) -> Self {
        self.created = Some(created.to_owned());
        self
    }

    /// Sets `author`.
    #[must_use]
    pub fn author(mut self, author: &str) -> Self {
        self.author = Some(author.to_owned());
        self
    }

    /// Adds an annotation to the manifest.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a history entry without a layer, after those of the layers so far (C-20).
    #[must_use]
    pub fn empty_layer(mut self, created_by: &str) -> Self {
        let entry = json!({ "created_by": created_by, "empty_layer": true });
        self.extra_history.push((self.layers.len(), entry));
        self
    }

    /// Sets the algorithm of the manifest's digest.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Sets the algorithm of the config's digest.
    #[must_use]
    pub fn config_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.config_algorithm = algorithm;
        self
    }

    /// Replaces the config blob.
    #[must_use]
    pub fn config_blob(mut self, media_type: &str, bytes: Vec<u8>) -> Self {
        self.config = Some((media_type.to_owned(), bytes));
        self
    }

    /// Changes the config before its digest is made.
    #[must_use]
    pub fn edit_config(mut self, edit: impl FnOnce(&mut Value) + 'static) -> Self {
        self.edit_config = Some(Box::new(edit));
        self
    }

    /// Changes the manifest before its digest is made.
    #[must_use]
    pub fn edit_manifest(mut self, edit: impl FnOnce(&mut Value) + 'static) -> Self {
        self.edit_manifest = Some(Box::new(edit));
        self
    }

    pub(super) fn put(mut self, layout: &mut Layout) -> Descriptor {
        let mut built = Built::default();
        let mut layers = Vec::new();
        for layer in &self.layers {
            let media_type = layer.media_type.as_deref().unwrap_or(layer.compression.media_type());
            let mut descriptor = layout.blob(media_type, layer.algorithm, layer.to_blob());
            for (key, value) in &layer.descriptor {
                descriptor = descriptor.with(key, value.clone());
            }
            built.layers.push((descriptor.digest().to_owned(), layer.tar.clone()));
            layers.push(descriptor.0);
        }
        let (config_type, config) = match self.config.take() {
            Some(config) => config,
            None => (media_type::CONFIG.to_owned(), self.config_json()),
        };
        let config = layout.blob(&config_type, self.config_algorithm, config);
        built.config = config.digest().to_owned();
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config.0, "layers": layers,
        });
        if !self.annotations.is_empty() {
            manifest["annotations"] = Value::Object(self.annotations);
        }
        if let Some(edit) = self.edit_manifest {
            edit(&mut manifest);
        }
        let descriptor = layout.json(media_type::MANIFEST, self.algorithm, &manifest);
        layout.built.insert(descriptor.digest().to_owned(), built);
        descriptor.with("platform", self.platform)
    }

    fn config_json(&mut self) -> Vec<u8> {
        let mut config = Map::new();
        let optional = [("created", &self.created), ("author", &self.author)];
        config.extend(optional.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into()))));
        for key in ["architecture", "os", "variant"] {
            config.extend(self.platform.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        config.extend(self.run.take().map(|run| ("config".to_owned(), run)));
        let diff_ids: Vec<String> = self.layers.iter().map(Layer::to_diff_id).collect();
        config.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": diff_ids }));
        config.insert("history".to_owned(), self.history());
        let mut config = Value::Object(config);
        if let Some(edit) = self.edit_config.take() {
            edit(&mut config);
        }
        serde_json::to_vec(&config).expect("a JSON value has a text")
    }

    fn history(&self) -> Value {
        let extra = |at: usize| self.extra_history.iter().filter(move |(before, _)| *before == at);
        let mut history = Vec::new();
        for at in 0..=self.layers.len() {
            history.extend(extra(at).map(|(_, entry)| entry.clone()));
            if let Some(layer) = self.layers.get(at) {
                let created_by = layer.created_by.clone().unwrap_or_else(|| format!("layer {at}"));
                history.push(json!({ "created_by": created_by }));
            }
        }
        if let Some(created) = &self.created {
            for entry in &mut history {
                entry["created"] = created.as_str().into();
            }
        }
        history.into()
    }
}
