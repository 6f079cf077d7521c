//! An image of all that is legal and rarely met, for comparing what tools make of it.
//!
//! Every subject has a top directory of its own (`types/`, `names/`, `modes/`, ...), so a difference names its cause. umoci
//! 0.4.7 unpacks all of [`awkward`]; what it gets wrong there is listed in [`umoci_deviation`].

mod changes;
mod entries;

use crate::image::{Builder, Compression, Layer, Layout};
use crate::tar;
use std::path::Path;

/// A layer's name and content.
pub type NamedLayer = (&'static str, tar::Builder);

/// The layers of the awkward image, bottom first.
#[must_use]
pub fn layers() -> Vec<NamedLayer> {
    let mut layers = entries::layers();
    layers.extend(changes::layers());
    layers
}

/// The awkward image for linux/amd64, tagged `awkward`, with gzip layers of one and of many members.
#[must_use]
pub fn awkward() -> Layout {
    awkward_with(|at| if at % 3 == 2 { Compression::GzipMembers(3) } else { Compression::Gzip })
}

/// The awkward image with the compression of each layer chosen by its number.
#[must_use]
pub fn awkward_with(compression: impl Fn(usize) -> Compression) -> Layout {
    image("awkward", layers(), compression)
}

/// An image, tagged `gnu`, of entries that GNU tar extracts and umoci 0.4.7 refuses: the four forms of sparse files, which
/// layers should not have, a global header, and the contiguous file of type `7`.
#[must_use]
pub fn gnu() -> Layout {
    image("gnu", gnu_layers(), |_| Compression::Gzip)
}

/// The layers of [`gnu`].
#[must_use]
pub fn gnu_layers() -> Vec<NamedLayer> {
    let hole: &[(u64, &[u8])] = &[(0, &[b's'; 512]), (1 << 20, &[b'm'; 1024]), (3 << 20, b"end")];
    let many: Vec<(u64, &[u8])> = (0..40).map(|at| (at * 65536, [b'd'; 512].as_slice())).collect();
    let mut tar = tar::Builder::new().dir("sparse/").entry(tar::Entry::new(b'7', "contiguous").content(b"seven"));
    for form in tar::Sparse::ALL {
        let name = format!("sparse/{form:?}").to_lowercase();
        tar = tar
            .entry(form.entry(format!("{name}-ends"), (3 << 20) + 3, hole))
            .entry(form.entry(format!("{name}-many"), 40 * 65536, &many))
            .entry(form.entry(format!("{name}-only-hole"), 1 << 21, &[]))
            .entry(form.entry(format!("{name}-no-hole"), 5, &[(0, b"dense")]));
    }
    vec![("sparse files", tar)]
}

/// One image of named layers.
#[must_use]
pub fn image(tag: &str, layers: Vec<NamedLayer>, compression: impl Fn(usize) -> Compression) -> Layout {
    let layers = layers
        .into_iter()
        .enumerate()
        .map(|(at, (name, tar))| Layer::plain(tar.build()).compression(compression(at)).created_by(name));
    let image = Builder::new("linux/amd64").created("2024-01-01T00:00:00Z").layers(layers);
    Layout::single(tag, image.run(serde_json::json!({ "Cmd": ["/files/hello"] })))
}

/// Why umoci 0.4.7 may differ from others in a member of [`crate::tree::Node`] at a path of [`awkward`], if it may.
///
/// Where the specification is silent, as on directories that no layer lists, nobody is wrong, and nothing should be compared.
#[must_use]
pub fn umoci_deviation(path: &Path, what: &str) -> Option<&'static str> {
    const UNLISTED: [&str; 6] =
        ["names/pax", "names/gnu", "names/prefix", "spelling/doubled", "spelling/inner", "spelling/no/parents"];
    let path = path.to_str()?;
    match (what, path) {
        ("mtime", "names" | "spelling") => Some("umoci touches a directory when it makes unlisted ones below it"),
        ("mtime", "opaque/last/sub") => Some("umoci touches a directory when it clears it after its entry"),
        ("mtime", "times/year-2300" | "times/year-2400-base256") => Some("umoci counts nanoseconds in 64 bits"),
        ("mtime", _) if UNLISTED.iter().any(|directory| Path::new(path).starts_with(directory)) => {
            Some("no layer lists the directory, so its mtime is whatever it came to be")
        }
        ("xattrs", "xattrs/empty") => Some("Go takes a record with an empty value for a deletion"),
        _ => None,
    }
}
