//! One manifest and its config, fetched one after the other.

use super::check_size;
use crate::config::Config;
use crate::descriptor::Descriptor;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::json::Value;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::media_type::Kind;
use crate::platform::Platform;

#[derive(Debug)]
pub(super) struct Loading {
    descriptor: Descriptor,
    wants: Descriptor,
    manifest: Option<Manifest>,
    config: Option<Config>,
    config_bytes: Option<Vec<u8>>,
    from_config: Option<Platform>,
}

impl Loading {
    pub(super) fn new(descriptor: Descriptor, limits: &Limits) -> Result<Self> {
        check_size(&descriptor, limits)?;
        let wants = descriptor.clone();
        Ok(Self { descriptor, wants, manifest: None, config: None, config_bytes: None, from_config: None })
    }

    pub(super) fn wants(&self) -> &Descriptor {
        &self.wants
    }

    /// Takes the bytes of what is wanted, and says whether that was all.
    pub(super) fn supply(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool> {
        let Some(manifest) = &self.manifest else {
            return self.supply_manifest(bytes, limits);
        };
        if manifest.is_image() {
            let config = Config::parse(bytes, limits)?;
            self.from_config = Some(config.platform.clone());
            self.config = Some(config);
        } else {
            let value = Value::parse("wasm config", bytes, ("config-bytes", limits.config_bytes), limits)?;
            let text = |name| value.member(name).and_then(Value::as_str);
            self.from_config = text("os").zip(text("architecture")).map(|(os, arch)| Platform::new(os, arch));
        }
        self.config_bytes = Some(bytes.to_vec());
        Ok(true)
    }

    fn supply_manifest(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool> {
        match Document::parse(bytes, Some(self.descriptor.media_type.as_str()), limits)? {
            Document::Manifest(manifest) => {
                // N-04: the config of any other type is bytes, and nobody needs them here.
                let is_read = manifest.is_image() || manifest.config.media_type.kind() == Kind::WasmConfig;
                if is_read {
                    check_size(&manifest.config, limits)?;
                    self.wants = manifest.config.clone();
                }
                self.manifest = Some(*manifest);
                Ok(!is_read)
            }
            Document::Index(_) => {
                Err(Error::AmbiguousDocument { reason: "a manifest is expected, found an index".into() })
            }
        }
    }

    /// The platform of the descriptor, else that of the config.
    pub(super) fn platform(&self) -> Option<Platform> {
        self.descriptor.platform.clone().or_else(|| self.from_config.clone())
    }

    pub(super) fn take(&mut self) -> Result<(Manifest, Option<Config>, Option<Vec<u8>>)> {
        let manifest = self.manifest.take().ok_or(Error::InvalidState { reason: "the manifest was not supplied" })?;
        Ok((manifest, self.config.take(), self.config_bytes.take()))
    }
}
