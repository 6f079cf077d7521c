//! The resource `verification`.

use crate::bindings::exports::portolan::image::manifest::{
    Finding, GuestVerification, LayerWork, Severity, Task, Verification as VerificationHandle, Verified, Work,
};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Error, Imported, Limit, Result, limits};
use portolan_image::verify::{self, GraphVerifier};
use std::cell::RefCell;

/// The verification of a graph.
pub(crate) struct Verification(RefCell<GraphVerifier>);

impl GuestVerification for Verification {
    fn start(index: Vec<u8>, replaced: Vec<Limit>) -> Result<VerificationHandle> {
        let verifier = GraphVerifier::layout(&index, &limits(&replaced)?, &Imported);
        Ok(VerificationHandle::new(Self(RefCell::new(verifier))))
    }

    fn of(root: Descriptor, replaced: Vec<Limit>) -> Result<VerificationHandle> {
        let verifier = GraphVerifier::descriptor(&root.try_into()?, &limits(&replaced)?, &Imported);
        Ok(VerificationHandle::new(Self(RefCell::new(verifier))))
    }

    fn take_work(&self) -> Option<Task> {
        let job = self.0.borrow_mut().take()?;
        Some(Task {
            id: job.id,
            work: match job.work {
                verify::Work::Document { descriptor } => Work::Document(descriptor.into()),
                verify::Work::Layer { descriptor, diff_id, .. } => Work::Layer(LayerWork {
                    descriptor: descriptor.into(),
                    diff_id: diff_id.map(|diff_id| diff_id.to_string()),
                }),
                verify::Work::Blob { descriptor } => Work::Blob(descriptor.into()),
            },
        })
    }

    fn supply(&self, id: u64, bytes: Vec<u8>) -> Result<()> {
        Ok(self.0.borrow_mut().supply(id, &bytes, &Imported)?)
    }

    fn report(&self, id: u64, outcome: std::result::Result<Vec<String>, Error>) -> Result<()> {
        let mut verifier = self.0.borrow_mut();
        match outcome {
            Ok(warnings) => verifier.passed_with(id, &warnings)?,
            Err(error) => verifier.failed(id, error.code.into(), &error.message)?,
        }
        Ok(())
    }

    fn finish(&self) -> Verified {
        let verifier = self.0.borrow();
        let report = verifier.report();
        Verified {
            documents: report.documents,
            layers: report.layers,
            blobs: report.blobs,
            bytes: report.bytes,
            errors: report.errors,
            warnings: report.warnings,
            findings: report.findings.iter().map(Finding::from).collect(),
        }
    }
}

impl From<&verify::Finding> for Finding {
    fn from(finding: &verify::Finding) -> Self {
        Self {
            severity: match finding.severity {
                verify::Severity::Error => Severity::Failure,
                verify::Severity::Warning => Severity::Warning,
            },
            code: finding.code.into(),
            digest: finding.digest.as_ref().map(ToString::to_string),
            place: finding.place.clone(),
            message: finding.message.clone(),
        }
    }
}
