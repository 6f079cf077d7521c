//! One image unpacked by the library, with whatever differs from the ordinary.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan::interrupt::Interrupt;
use portolan::layers::Layers;
use portolan::manifest::WantedPlatforms;
use portolan::platform::Platform;
use portolan::progress::{Progress, Quiet};
use portolan::rootfs::Privileges;
use portolan::unpack::{Options, Unpacked, unpack};
use portolan::{Result, Toolkit, manifest, reference, source};
use portolan_tests::image::Layout;
use portolan_tests::tree::{self, Tree};
use std::path::Path;

/// The toolkit of this process.
pub(crate) fn toolkit() -> &'static Toolkit {
    Toolkit::shared().expect("the toolkit loads on this machine")
}

/// The image for linux/amd64 of a reference, to be unpacked.
pub(crate) struct Image<'a> {
    reference: String,
    options: Options,
    jobs: usize,
    strict: bool,
    interrupt: Interrupt,
    progress: &'a dyn Progress,
}

impl<'a> Image<'a> {
    /// The image that a reference names.
    pub(crate) fn at(reference: impl Into<String>) -> Self {
        let privileges = Privileges { rootless: false, keep_going: false, strip: false };
        Self {
            reference: reference.into(),
            options: Options { bundle: false, privileges, only: None },
            jobs: 2,
            strict: false,
            interrupt: Interrupt::default(),
            progress: &Quiet,
        }
    }

    /// The image of a layout in a directory.
    pub(crate) fn in_layout(layout: &Path, tag: &str) -> Self {
        Self::at(format!("oci:{}:{tag}", layout.display()))
    }

    pub(crate) fn bundle(mut self) -> Self {
        self.options.bundle = true;
        self
    }

    pub(crate) fn rootless(mut self) -> Self {
        self.options.privileges.rootless = true;
        self
    }

    pub(crate) fn keep_going(mut self) -> Self {
        self.options.privileges.keep_going = true;
        self
    }

    pub(crate) fn only(mut self, pattern: &str) -> Self {
        self.options.only = Some(pattern.to_owned());
        self
    }

    pub(crate) fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    pub(crate) fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    pub(crate) fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    pub(crate) fn progress(mut self, progress: &'a dyn Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Unpacks it.
    pub(crate) fn unpack(&self, destination: &Path) -> Result<Unpacked> {
        let toolkit = toolkit();
        let opened = source::open(
            toolkit,
            &portolan::registry::Registries::new(toolkit, Default::default()),
            &reference::parse(toolkit, &self.reference)?,
        )?;
        let image = manifest::resolve(toolkit, opened.source.as_ref(), &opened.selector, linux_amd64())?;
        let layers = Layers {
            toolkit,
            source: opened.source.as_ref(),
            image: &image,
            count: None,
            strict: self.strict,
            jobs: self.jobs,
            progress: self.progress,
            interrupt: &self.interrupt,
        };
        unpack(&layers, destination, &self.options)
    }

    /// Unpacks it beneath a temporary directory that goes at once, and answers what was there.
    pub(crate) fn tree(&self) -> Tree {
        let scratch = tempfile::tempdir().expect("a temporary directory can be made");
        let destination = scratch.path().join("rootfs");
        self.unpack(&destination).unwrap_or_else(|error| panic!("{}: {}", self.reference, chain(&error)));
        tree::snapshot(&destination)
    }
}

/// What a test machine may not be: the images have programs for this platform.
pub(crate) fn linux_amd64() -> WantedPlatforms {
    WantedPlatforms::These(vec![Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: None,
        os_version: None,
        os_features: Vec::new(),
    }])
}

/// A layout on the disk for as long as the test holds it.
pub(crate) fn written(layout: &Layout) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    layout.write(directory.path());
    directory
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &portolan::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The names in a directory, hidden ones too.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory can be listed");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
