//! Runs the WebAssembly of an image: `run_image oci:images:1.0 ARGS...`

use portolan::interrupt::Interrupt;
use portolan::layers::Layers;
use portolan::progress::Quiet;
use portolan::registry::{self, Registries};
use portolan::{Result, Toolkit, manifest, platform, reference, source, workload};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let toolkit = Toolkit::new(Vec::new())?;
    let registries = Registries::new(&toolkit, registry::Options::default());
    let name = reference::parse(&toolkit, &args.next().unwrap_or_default())?;
    let place = source::open(&toolkit, &registries, &name)?;
    let (source, interrupt) = (place.source.as_ref(), Interrupt::default());
    let platforms = workload::platforms(&toolkit, &platform::host())?;
    let image = manifest::resolve(&toolkit, source, &place.selector, platform::wanted(&platforms))?;
    let layers = Layers {
        toolkit: &toolkit,
        source,
        image: &image,
        count: None,
        strict: false,
        jobs: 1,
        progress: &Quiet,
        interrupt: &interrupt,
    };
    let exit = workload::Builder::new().args(args).run(&layers)?;
    std::process::exit(exit.0)
}
