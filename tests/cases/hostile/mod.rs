//! Hostile images: one table a file, one case a known attack, each made by code and with the answer it must get.
//!
//! A case is data. Whoever runs it brings the place where the attack would land, and looks whether it did.

use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar;

mod compression;
mod config;
mod content;
mod hard_links;
mod metadata;
mod paths;
mod symlinks;
mod tar_grammar;
mod whiteouts;

/// One attack.
pub struct Case {
    /// The number of the attack; several cases may vary one.
    pub row: u32,
    /// What is done, and what comes of it.
    pub name: &'static str,
    /// Makes the image.
    pub make: fn(&Place) -> Attack,
}

/// Where the attack would land.
pub struct Place {
    /// The absolute path of a directory outside of every destination, with files `secret` and `run`.
    pub outside: String,
}

impl Place {
    /// The path that the outside directory has when it is taken for one of the image.
    pub fn inside(&self) -> &str {
        self.outside.trim_start_matches('/')
    }

    /// The directories above `path` in the image's own version of the outside directory, and what it holds there.
    pub fn tree(&self, more: impl IntoIterator<Item = (String, Is)>) -> Vec<(String, Is)> {
        let inside = self.inside();
        let above = inside.match_indices('/').map(|(slash, _)| inside[..slash].to_owned());
        let mut tree: Vec<_> = above.map(|path| (path, Is::Directory)).collect();
        tree.push((inside.to_owned(), Is::Directory));
        tree.extend(more);
        tree
    }

    /// A path below the image's own version of the outside directory.
    pub fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.inside())
    }
}

/// An image and what must come of it.
pub struct Attack {
    /// The layers, for a case that is about layers alone.
    pub layers: Vec<Layer>,
    /// The layout with the image under the tag `latest`.
    pub layout: Layout,
    /// Arguments before the command, such as `--strict`.
    pub arguments: Vec<&'static str>,
    /// Limits that differ from their defaults.
    pub limits: &'static str,
    /// Whether it can be told as an archive of `docker save`.
    pub docker: bool,
    /// What must come of it.
    pub expected: Expected,
    /// The most memory that a run may take, in MiB.
    pub memory: u64,
}

/// What must come of an image.
pub enum Expected {
    /// An error with this word, whose one line says all of these.
    Refused { code: &'static str, says: Vec<String> },
    /// Exactly this tree, and warnings that say these.
    Unpacked { tree: Vec<(String, Is)>, warns: Vec<&'static str> },
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Is {
    Directory,
    DirectoryMode(u32),
    File(Vec<u8>),
    FileMode(u32),
    Symlink(String),
    /// A further name of that path.
    Same(&'static str),
    Fifo,
    CharDevice,
    BlockDevice,
    /// A regular file of that size.
    Sized(u64),
    /// A file with that time in seconds.
    Time(i64),
}

pub fn file(content: impl AsRef<[u8]>) -> Is {
    Is::File(content.as_ref().to_vec())
}

pub fn link(target: impl Into<String>) -> Is {
    Is::Symlink(target.into())
}

pub fn owned<const N: usize>(tree: [(&str, Is); N]) -> Vec<(String, Is)> {
    tree.into_iter().map(|(path, is)| (path.to_owned(), is)).collect()
}

/// An image of these archives as layers that is to be refused.
pub fn refused(archives: impl IntoIterator<Item = tar::Builder>, code: &'static str, says: &[&str]) -> Attack {
    refused_layers(plain(archives), code, says)
}

/// The same of layers.
pub fn refused_layers(layers: Vec<Layer>, code: &'static str, says: &[&str]) -> Attack {
    let says = says.iter().map(|&text| text.to_owned()).collect();
    Attack::of(layers, Expected::Refused { code, says })
}

/// An image of these archives as layers that is to be unpacked.
pub fn unpacked(archives: impl IntoIterator<Item = tar::Builder>, tree: Vec<(String, Is)>) -> Attack {
    unpacked_layers(plain(archives), tree)
}

/// The same of layers.
pub fn unpacked_layers(layers: Vec<Layer>, tree: Vec<(String, Is)>) -> Attack {
    Attack::of(layers, Expected::Unpacked { tree, warns: Vec::new() })
}

/// A layout that is to be refused.
pub fn refused_layout(layout: Layout, code: &'static str, says: &[&str]) -> Attack {
    let says = says.iter().map(|&text| text.to_owned()).collect();
    Attack { layout, docker: false, ..Attack::of(Vec::new(), Expected::Refused { code, says }) }
}

fn plain(archives: impl IntoIterator<Item = tar::Builder>) -> Vec<Layer> {
    archives.into_iter().map(|archive| Layer::plain(archive.build())).collect()
}

impl Attack {
    fn of(layers: Vec<Layer>, expected: Expected) -> Self {
        let docker = layers.iter().all(|layer| layer.blob.is_none());
        let layout = Layout::single("latest", Builder::new("linux/amd64").layers(layers.clone()));
        Self { layers, layout, arguments: Vec::new(), limits: "", docker, expected, memory: 300 }
    }

    /// The same with the image made otherwise.
    pub fn image(mut self, image: Builder) -> Self {
        self.layout = Layout::single("latest", image);
        self
    }

    pub fn strict(mut self) -> Self {
        self.arguments.push("--strict");
        self
    }

    pub fn limits(mut self, limits: &'static str) -> Self {
        self.limits = limits;
        self
    }

    pub fn without_docker(mut self) -> Self {
        self.docker = false;
        self
    }

    pub fn warns(mut self, what: &'static str) -> Self {
        if let Expected::Unpacked { warns, .. } = &mut self.expected {
            warns.push(what);
        }
        self
    }
}

/// All tables.
pub fn tables() -> Vec<(&'static str, &'static [Case])> {
    vec![
        ("paths", paths::CASES),
        ("symlinks", symlinks::CASES),
        ("hard links", hard_links::CASES),
        ("whiteouts", whiteouts::CASES),
        ("tar grammar", tar_grammar::CASES),
        ("compression", compression::CASES),
        ("content", content::CASES),
        ("metadata", metadata::CASES),
        ("config", config::CASES),
    ]
}

/// Shorthand of the tables.
pub(crate) fn archive() -> tar::Builder {
    tar::Builder::new()
}
