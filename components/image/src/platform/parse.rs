//! Platform specifiers as people write them.

use super::Platform;
use crate::error::{Error, Result};

const RULE_FORM: &str = "expected os, architecture, os/architecture or os/architecture/variant";
const RULE_OS: &str = "an operating system is letters, digits, _ and -, then perhaps (version+feature)";
const RULE_PART: &str = "architecture and variant are letters, digits, _ . and -, at least one";
const RULE_KNOWN: &str = "a single word must be a known operating system or architecture";
const RULE_ESCAPE: &str = "version and features escape other characters as %XX, in UTF-8";

impl Platform {
    /// Parses a specifier: `os`, `architecture`, `os/architecture` or `os/architecture/variant`, where `os` may be
    /// `os(version+feature+feature)`.
    ///
    /// A single word takes the missing half from `host`; a WebAssembly system takes `wasm` instead (L-15).
    ///
    /// # Errors
    /// [`Error::InvalidPlatform`].
    pub fn parse(text: &str, host: &Self) -> Result<Self> {
        let invalid = |rule| Error::InvalidPlatform { text: text.chars().take(160).collect(), rule };
        let mut parts = text.split('/');
        let first = parts.next().unwrap_or_default();
        let rest: Vec<_> = parts.take(3).collect();
        let mut platform = parse_os(first).map_err(invalid)?;
        if !rest.iter().all(|part| is_part(part)) {
            return Err(invalid(RULE_PART));
        }
        let (architecture, variant) = match rest[..] {
            [] => return parse_word(first, platform, host).ok_or_else(|| invalid(RULE_KNOWN)),
            [architecture] => plain_arm(normalize_architecture(architecture, "")),
            [architecture, variant] => match normalize_architecture(architecture, variant) {
                // What was written is kept where it means the same, so that the specifier prints as it was given.
                (architecture, None) if architecture == "arm64" => (architecture, Some("v8".to_owned())),
                other => other,
            },
            _ => return Err(invalid(RULE_FORM)),
        };
        platform.architecture = architecture;
        platform.variant = variant;
        Ok(platform)
    }
}

fn parse_word(word: &str, mut platform: Platform, host: &Platform) -> Option<Platform> {
    if is_wasm_os(&platform.os) {
        "wasm".clone_into(&mut platform.architecture);
        return Some(platform);
    }
    if is_known_os(&platform.os) {
        let host = host.normalize();
        platform.variant = host.variant.filter(|variant| host.architecture == "arm" && variant != "v7");
        platform.architecture = host.architecture;
        return Some(platform);
    }
    let (architecture, variant) = plain_arm(normalize_architecture(word, ""));
    is_known_architecture(&architecture).then(|| Platform {
        os: normalize_os(&host.os),
        architecture,
        variant,
        ..Platform::default()
    })
}

fn plain_arm((architecture, variant): (String, Option<String>)) -> (String, Option<String>) {
    let plain = architecture == "arm" && variant.as_deref() == Some("v7");
    (architecture, variant.filter(|_| !plain))
}

fn parse_os(text: &str) -> std::result::Result<Platform, &'static str> {
    let (os, options) = match text.split_once('(') {
        Some((os, options)) => (os, options.strip_suffix(')').ok_or(RULE_OS)?),
        None => (text, ""),
    };
    if os.is_empty() || !os.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        return Err(RULE_OS);
    }
    let option = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'%' | b'-' | b'+');
    if !options.bytes().all(option) {
        return Err(RULE_OS);
    }
    let mut options = options.split('+');
    let version = decode_option(options.next().unwrap_or_default())?;
    let mut os_features = Vec::new();
    for feature in options {
        if feature.is_empty() {
            return Err(RULE_OS);
        }
        os_features.push(decode_option(feature)?);
    }
    Ok(Platform {
        os: normalize_os(os),
        os_version: Some(version).filter(|version| !version.is_empty()),
        os_features,
        ..Platform::default()
    })
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn decode_option(text: &str) -> std::result::Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(RULE_ESCAPE);
        bytes.push((digit()? * 16 + digit()?) as u8);
    }
    String::from_utf8(bytes).map_err(|_| RULE_ESCAPE)
}

/// A version or feature with everything escaped that [`parse_os`] does not take as it is.
pub(super) fn encode_option(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

pub(super) fn normalize_os(os: &str) -> String {
    let os = os.to_ascii_lowercase();
    if os == "macos" { "darwin".to_owned() } else { os }
}

pub(super) fn normalize_architecture(architecture: &str, variant: &str) -> (String, Option<String>) {
    let (architecture, variant) = (architecture.to_ascii_lowercase(), variant.to_ascii_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        ("wasm32", variant) => ("wasm", variant),
        (architecture, variant) => (architecture, variant),
    };
    (architecture.to_owned(), Some(variant.to_owned()).filter(|variant| !variant.is_empty()))
}

fn is_wasm_os(os: &str) -> bool {
    matches!(os, "js" | "wasi" | "wasip1" | "wasip2" | "wasip3")
}

#[rustfmt::skip]
fn is_known_os(os: &str) -> bool {
    matches!(
        os,
        "aix" | "android" | "darwin" | "dragonfly" | "freebsd" | "hurd" | "illumos" | "ios" | "linux" | "nacl" | "netbsd"
            | "openbsd" | "plan9" | "solaris" | "windows" | "zos"
    )
}

#[rustfmt::skip]
fn is_known_architecture(architecture: &str) -> bool {
    matches!(
        architecture,
        "386" | "amd64" | "amd64p32" | "arm" | "armbe" | "arm64" | "arm64be" | "loong64" | "mips" | "mipsle" | "mips64"
            | "mips64le" | "mips64p32" | "mips64p32le" | "ppc" | "ppc64" | "ppc64le" | "riscv" | "riscv64" | "s390" | "s390x"
            | "sparc" | "sparc64" | "wasm"
    )
}
