//! The interface `workload`.

use crate::Component;
use crate::bindings::exports::portolan::image::types::Platform;
use crate::bindings::exports::portolan::image::workload::{
    Form, Guest, GuestFile, GuestRecognizer, Need, Overrides, Recognizer as RecognizerHandle, WasmKind, WasmPlace,
    Workload,
};
use crate::types::{Imported, Limit, Result, limits};
use portolan_image::{Error, workload};
use std::cell::RefCell;

impl Guest for Component {
    type Recognizer = Recognizer;

    fn confirm(head: Vec<u8>, kind: WasmKind) -> Result<()> {
        Ok(workload::confirm(&head, kind.into())?)
    }

    fn platforms(host: Platform) -> Vec<Platform> {
        workload::platforms(&host.into()).into_iter().map(Platform::from).collect()
    }
}

/// What is found out about an image.
pub(crate) struct Recognizer(RefCell<Option<workload::Recognizer>>);

const FINISHED: Error = Error::InvalidState { reason: "the workload is already taken" };

impl GuestRecognizer for Recognizer {
    fn start(
        manifest: Vec<u8>,
        media_type: Option<String>,
        config: Option<Vec<u8>>,
        overrides: Overrides,
        replaced: Vec<Limit>,
    ) -> Result<RecognizerHandle> {
        let overrides = workload::Overrides { entrypoint: overrides.entrypoint, cmd: overrides.cmd };
        let limits = limits(&replaced)?;
        let recognizer =
            workload::Recognizer::start(&manifest, media_type.as_deref(), config.as_deref(), overrides, &limits)?;
        Ok(RecognizerHandle::new(Self(RefCell::new(Some(recognizer)))))
    }

    fn next(&self) -> Option<Need> {
        Some(match self.0.borrow().as_ref()?.next()? {
            workload::Need::Document(descriptor) => Need::Document(descriptor.clone().into()),
            workload::Need::BlobHead(descriptor) => Need::BlobHead(descriptor.clone().into()),
            workload::Need::FileHead(path) => Need::FileHead(path.to_vec()),
        })
    }

    fn supply(&self, bytes: Option<Vec<u8>>) -> Result<()> {
        Ok(self.0.borrow_mut().as_mut().ok_or(FINISHED)?.supply(bytes.as_deref(), &Imported)?)
    }

    fn finish(&self) -> Result<Workload> {
        Ok(self.0.borrow_mut().take().ok_or(FINISHED)?.finish()?.into())
    }
}

impl From<workload::Workload> for Workload {
    fn from(workload: workload::Workload) -> Self {
        let file = |file: workload::GuestFile| GuestFile { path: file.path, content: file.content.into() };
        Self {
            form: workload.form.into(),
            kind: workload.kind.into(),
            place: match workload.place {
                workload::Place::Blob(descriptor) => WasmPlace::Blob((*descriptor).into()),
                workload::Place::File(path) => WasmPlace::File(path),
            },
            args: workload.args,
            env: workload.env,
            working_dir: workload.working_dir,
            rootfs: workload.rootfs,
            files: workload.files.into_iter().map(file).collect(),
            warnings: workload.warnings,
        }
    }
}

impl From<workload::Form> for Form {
    fn from(form: workload::Form) -> Self {
        match form {
            workload::Form::Artifact => Self::Artifact,
            workload::Form::WasmLayer => Self::WasmLayer,
            workload::Form::Spin => Self::Spin,
            workload::Form::WasmToOci => Self::WasmToOci,
            workload::Form::ModuleArtifact => Self::ModuleArtifact,
            workload::Form::Compat => Self::Compat,
            workload::Form::Container => Self::Container,
        }
    }
}

impl From<workload::WasmKind> for WasmKind {
    fn from(kind: workload::WasmKind) -> Self {
        match kind {
            workload::WasmKind::Module => Self::Module,
            workload::WasmKind::Component => Self::Component,
        }
    }
}

impl From<WasmKind> for workload::WasmKind {
    fn from(kind: WasmKind) -> Self {
        match kind {
            WasmKind::Module => Self::Module,
            WasmKind::Component => Self::Component,
        }
    }
}
