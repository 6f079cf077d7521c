//! The files of the page: those in the program, or those of a directory.

use crate::error::{Error, Result};
use crate::serve::answer::{Answer, Asked, document, empty, set};
use flate2::read::GzDecoder;
use http::{StatusCode, header};
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::{Algorithm, Digest};
use portolan_registry::server::condition;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

// `EMBEDDED: &[(&str, bool, &[u8])]`: path, whether it is compressed with gzip, and bytes; empty without the page.
include!(concat!(env!("OUT_DIR"), "/explorer.rs"));

const INDEX: &str = "index.html";
/// Where the build puts what is named after its content, which therefore never changes.
const NAMED_BY_CONTENT: &str = "assets/";

/// All files of the page by their paths.
pub(super) struct Files(HashMap<String, File>);

/// One of them.
pub(super) struct File {
    media_type: &'static str,
    is_gzip: bool,
    is_immutable: bool,
    bytes: Cow<'static, [u8]>,
    digest: Option<Digest>,
}

impl Files {
    pub(super) fn embedded() -> Result<Self> {
        if EMBEDDED.is_empty() {
            let message = "this program was built without the explorer's page: run `make web` before building it, or name its directory with --explorer-dir";
            return Err(Error::Usage(message.to_owned()));
        }
        let file = |(path, is_gzip, bytes): &(&str, bool, &'static [u8])| {
            ((*path).to_owned(), File::new(path, *is_gzip, Cow::Borrowed(*bytes)))
        };
        Ok(Self(EMBEDDED.iter().map(file).collect()))
    }

    /// Everything below a directory. It is in memory then, so that no request is ever a path on disk.
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let mut files = HashMap::new();
        walk(directory, "", &mut files)?;
        match files.contains_key(INDEX) {
            true => Ok(Self(files)),
            false => Err(Error::Usage(format!("{} holds no {INDEX}: it is not the page", directory.display()))),
        }
    }

    /// The file that a path asks for.
    pub(super) fn find(&self, path: &str) -> Option<&File> {
        match path.strip_prefix('/')? {
            "" => self.0.get(INDEX),
            path => self.0.get(path),
        }
    }
}

fn walk(directory: &Path, prefix: &str, files: &mut HashMap<String, File>) -> Result<()> {
    for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
        let entry = entry.map_err(Error::io("read", directory))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Error::io("read", &path))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if kind.is_dir() {
            walk(&path, &format!("{prefix}{name}/"), files)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
            let name = format!("{prefix}{name}");
            let file = File::new(&name, false, Cow::Owned(bytes));
            files.insert(name, file);
        }
    }
    Ok(())
}

impl File {
    fn new(path: &str, is_gzip: bool, bytes: Cow<'static, [u8]>) -> Self {
        let digest = digest_bytes(&SoftwareHashes, &Algorithm::Sha256, &bytes).ok();
        let is_immutable = path.starts_with(NAMED_BY_CONTENT);
        Self { media_type: media_type(path), is_gzip, is_immutable, bytes, digest }
    }

    /// Sends it, compressed to whom can read that.
    pub(super) fn send(&self, asked: &Asked) -> Answer {
        let is_known =
            asked.header(header::IF_NONE_MATCH).is_some_and(|value| condition::names(value, self.digest.as_ref()));
        let is_gzip = self.is_gzip && accepts_gzip(asked.header(header::ACCEPT_ENCODING).unwrap_or_default());
        let mut answer = if is_known {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            let bytes = if self.is_gzip && !is_gzip { inflated(&self.bytes) } else { self.bytes.to_vec() };
            document(StatusCode::OK, self.media_type, bytes, asked.is_head())
        };
        if is_gzip && !is_known {
            set(&mut answer, header::CONTENT_ENCODING, "gzip");
        }
        if self.is_gzip {
            set(&mut answer, header::VARY, "Accept-Encoding");
        }
        if let Some(digest) = &self.digest {
            // Weak: it stands for the bytes however they are encoded.
            set(&mut answer, header::ETAG, &format!("W/{}", condition::entity_tag(digest)));
        }
        let caching = if self.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        set(&mut answer, header::CACHE_CONTROL, caching);
        answer
    }
}

/// The build script has compressed it, so that it can be decompressed.
fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    let _ = GzDecoder::new(bytes).read_to_end(&mut whole);
    whole
}

fn accepts_gzip(value: &str) -> bool {
    value.split(',').any(|one| {
        let (coding, quality) = one.split_once(';').unwrap_or((one, ""));
        let quality = quality.trim().strip_prefix("q=").and_then(|text| text.parse::<f32>().ok());
        coding.trim().eq_ignore_ascii_case("gzip") && quality.is_none_or(|quality| quality > 0.0)
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_whom_can_read_it() {
        for yes in ["gzip", "deflate, gzip;q=0.5", "br, GZIP"] {
            assert!(accepts_gzip(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "xgzip"] {
            assert!(!accepts_gzip(no), "{no}");
        }
    }

    #[test]
    fn the_page_in_the_program_is_whole_where_it_is_there() {
        let Ok(files) = Files::embedded() else { return };
        assert!(files.find("/").is_some());
        for (path, file) in &files.0 {
            assert!(!file.is_gzip || !inflated(&file.bytes).is_empty(), "{path}");
        }
    }
}
