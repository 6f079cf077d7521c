//! What the first bytes of a file say that it is.

use super::WasmKind;

/// How many bytes tell what a file is: the magic, the version and the layer of WebAssembly.
pub const HEAD_BYTES: usize = 8;

const MAGIC: &[u8; 4] = b"\0asm";

/// The kind of WebAssembly that bytes begin like.
///
/// # Errors
/// What they are instead.
pub(super) fn kind(bytes: &[u8]) -> Result<WasmKind, String> {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let Some(version) = head.strip_prefix(MAGIC) else { return Err(other(head)) };
    match version {
        [1, 0, 0, 0] => Ok(WasmKind::Module),
        [13, 0, 1, 0] => Ok(WasmKind::Component),
        [_, _, _, _] => Err(format!("it is WebAssembly of a version not known here ({})", hex(version))),
        _ => Err("it ends within the header of WebAssembly".to_owned()),
    }
}

fn other(head: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 6] = [
        (b"\x7fELF", "it is machine code (ELF), which is not run here, be it compiled from WebAssembly or not"),
        (b"#!", "it is a script"),
        (b"(module", "it is WebAssembly as text; only the binary format is run"),
        (b"(compon", "it is WebAssembly as text; only the binary format is run"),
        (b"MZ", "it is machine code for Windows"),
        (b"\x1f\x8b", "it is compressed, and WebAssembly is kept raw"),
    ];
    match KNOWN.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, what)) => (*what).to_owned(),
        None if head.is_empty() => "it is empty".to_owned(),
        None => format!("it is no WebAssembly, it begins with {}", hex(head)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_magic_and_the_layer_word_tell_the_kind() {
        assert_eq!(kind(b"\0asm\x01\0\0\0rest"), Ok(WasmKind::Module));
        assert_eq!(kind(b"\0asm\x0d\0\x01\0"), Ok(WasmKind::Component));
        for wrong in [&b"\0asm\x02\0\0\0"[..], b"\0asm\x01\0\x01\0", b"\0asm\x0a\0\x01\0", b"\0asm\x01", b"\0as", b""] {
            assert!(kind(wrong).is_err(), "{wrong:?}");
        }
    }

    /// Row 56.
    #[test]
    fn machine_code_is_refused_by_name() {
        assert!(kind(b"\x7fELF\x02\x01\x01\0").unwrap_err().contains("machine code"));
        assert!(kind(b"#!/bin/sh").unwrap_err().contains("script"));
        assert!(kind(b"(module)").unwrap_err().contains("text"));
        assert!(kind(b"PK\x03\x04").unwrap_err().contains("50 4b 03 04"));
    }
}
