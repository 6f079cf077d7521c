//! How deep types are nested, which readers of WebAssembly follow on their stack before they count.

use crate::scope::{DEPTH, invalid, wrong};
use portolan_image::Result;
use wasmparser::{BinaryReader, ComponentAlias, ComponentImport, ComponentType, CoreType, Parser, Payload};

/// Refuses a file whose types are nested so deep that a compiler or validator of it would end the process.
///
/// # Errors
/// [`Error::InvalidWorkload`](portolan_image::Error::InvalidWorkload), also when it is damaged.
pub fn check_nesting(bytes: &[u8]) -> Result<()> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ComponentTypeSection(section) = payload.map_err(invalid)? {
            let range = section.range();
            let section = bytes.get(range.clone()).ok_or_else(|| wrong("it ends in a section of types"))?;
            let mut reader = BinaryReader::new(section, range.start);
            for _ in 0..reader.read_var_u32().map_err(invalid)? {
                pass(&mut reader, 0)?;
            }
        }
    }
    Ok(())
}

/// Passes over the declaration of a type.
fn pass(reader: &mut BinaryReader<'_>, depth: usize) -> Result<()> {
    let mut ahead = reader.clone();
    if !matches!(ahead.read_u8().map_err(invalid)?, 0x41 | 0x42) {
        reader.read::<ComponentType<'_>>().map_err(invalid)?;
        return Ok(());
    }
    if depth >= DEPTH {
        return Err(wrong(&format!("its types are nested more than {DEPTH} deep")));
    }
    *reader = ahead;
    for _ in 0..reader.read_var_u32().map_err(invalid)? {
        match reader.read_u8().map_err(invalid)? {
            0x00 => {
                reader.read::<CoreType<'_>>().map_err(invalid)?;
            }
            0x01 => pass(reader, depth + 1)?,
            0x02 => {
                reader.read::<ComponentAlias<'_>>().map_err(invalid)?;
            }
            0x03 | 0x04 => {
                reader.read::<ComponentImport<'_>>().map_err(invalid)?;
            }
            byte => return Err(wrong(&format!("a declaration of a type begins with {byte:#04x}"))),
        }
    }
    Ok(())
}
