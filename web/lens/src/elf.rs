//! What the headers of an ELF file say: programs, libraries, modules of the kernel.

use std::fmt::Write as _;

use object::elf;
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader, NoteIterator, ProgramHeader, SectionHeader};
use object::read::{ReadRef, StringTable};

mod names;
mod parts;

pub use parts::Parts;

/// So many sections are listed; whatever needs more is nobody's reading.
const MOST_SECTIONS: usize = 4096;
/// So many entries of a table are looked at.
const MOST_ENTRIES: u32 = 1 << 16;
/// So many libraries are listed.
const MOST_LIBRARIES: usize = 1024;
/// A part that is read whole is at most so large.
const MOST_BYTES: u64 = 1 << 20;

/// What an ELF file says about itself, as far as it can be read.
#[derive(Debug, Default, PartialEq)]
pub struct Elf {
    /// 32 or 64.
    pub bits: u32,
    /// Whether the most significant byte comes first.
    pub is_big_endian: bool,
    /// Such as `shared library`.
    pub kind: String,
    /// Such as `x86-64`.
    pub machine: String,
    /// Such as `System V`.
    pub system: String,
    /// Where it begins to run; 0 where nothing does.
    pub entry: u64,
    /// The program that loads it.
    pub interpreter: Option<String>,
    /// What it is called by those that need it.
    pub name: Option<String>,
    /// The libraries that it needs, in the order in which they are loaded.
    pub needed: Vec<String>,
    /// Where else they are looked for.
    pub run_path: Option<String>,
    /// In hexadecimal.
    pub build_id: Option<String>,
    /// Whether it has no table of symbols; nothing is known where there are no sections to say so.
    pub is_stripped: Option<bool>,
    /// Whether it has information for debuggers.
    pub has_debug_info: bool,
    /// The first sections.
    pub sections: Vec<Section>,
    /// How many sections it says it has.
    pub section_count: u32,
    /// What could not be read, and why.
    pub problems: Vec<String>,
}

/// A section of an ELF file.
#[derive(Debug, PartialEq)]
pub struct Section {
    /// Such as `.text`.
    pub name: String,
    /// Such as `PROGBITS`.
    pub kind: String,
    /// Where it is in memory; 0 if it is not there.
    pub address: u64,
    /// Where it is in the file.
    pub offset: u64,
    /// How large it is, in memory if the file has nothing of it.
    pub size: u64,
    /// Letters as `readelf` has them: `W` may be written, `A` is in memory, `X` is run.
    pub flags: String,
}

/// Reads the headers, and no more of the file than they need. Answers nothing for what is no ELF file.
pub fn read<'data, R: ReadRef<'data>>(data: R) -> Option<Elf> {
    let ident = data.read_bytes_at(0, 5).ok()?;
    match ident {
        [0x7f, b'E', b'L', b'F', 1] => of::<elf::FileHeader32<Endianness>, R>(data),
        [0x7f, b'E', b'L', b'F', 2] => of::<elf::FileHeader64<Endianness>, R>(data),
        _ => None,
    }
}

fn of<'data, Header: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(data: R) -> Option<Elf> {
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let mut found = Elf {
        bits: if header.is_class_64() { 64 } else { 32 },
        is_big_endian: header.is_big_endian(),
        machine: names::machine(header.e_machine(endian).0),
        system: names::system(header.e_ident().os_abi.0),
        entry: header.e_entry(endian).into(),
        ..Elf::default()
    };
    let segments = segments(header, endian, data, &mut found.problems);
    let mut is_position_independent = false;
    for segment in segments {
        interpreter(segment, endian, data, &mut found);
        is_position_independent |= dynamic(segment, segments, endian, data, &mut found);
        if found.build_id.is_none() && segment.p_filesz(endian).into() <= MOST_BYTES {
            found.build_id = segment.notes(endian, data).ok().flatten().and_then(|notes| build_id(notes, endian));
        }
    }
    sections(header, endian, data, &mut found);
    let kind = header.e_type(endian);
    found.kind = match kind {
        elf::ET_DYN if is_position_independent || found.interpreter.is_some() && found.name.is_none() => {
            "position-independent program".into()
        }
        _ => names::kind(kind.0),
    };
    Some(found)
}

fn segments<'data, Header: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(
    header: &Header,
    endian: Endianness,
    data: R,
    problems: &mut Vec<String>,
) -> &'data [Header::ProgramHeader] {
    let read = header
        .phnum(endian, data)
        .and_then(|count| if count > MOST_ENTRIES { Ok(None) } else { header.program_headers(endian, data).map(Some) });
    match read {
        Ok(Some(segments)) => segments,
        Ok(None) => {
            problems.push("it says that it has more segments than any file needs".into());
            &[]
        }
        Err(error) => {
            problems.push(format!("the segments cannot be read: {error}"));
            &[]
        }
    }
}

fn interpreter<'data, Segment: ProgramHeader<Endian = Endianness>, R: ReadRef<'data>>(
    segment: &Segment,
    endian: Endianness,
    data: R,
    found: &mut Elf,
) {
    if segment.p_type(endian) != elf::PT_INTERP || found.interpreter.is_some() {
        return;
    }
    let size: u64 = segment.p_filesz(endian).into();
    match segment.interpreter(endian, data) {
        _ if size > 4096 => found.problems.push("the name of the interpreter is too long".into()),
        Ok(name) => found.interpreter = name.map(text),
        Err(error) => found.problems.push(format!("the interpreter cannot be read: {error}")),
    }
}

/// What the loader is told; whether it is that this is a program.
fn dynamic<'data, Segment, R>(
    segment: &Segment,
    segments: &[Segment],
    endian: Endianness,
    data: R,
    found: &mut Elf,
) -> bool
where
    Segment: ProgramHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    if segment.p_type(endian) != elf::PT_DYNAMIC {
        return false;
    }
    if segment.p_filesz(endian).into() > MOST_BYTES {
        found.problems.push("what the loader is told is too long".into());
        return false;
    }
    let entries = match segment.dynamic(endian, data) {
        Ok(entries) => entries.unwrap_or_default(),
        Err(error) => {
            found.problems.push(format!("what the loader is told cannot be read: {error}"));
            return false;
        }
    };
    let entries = || entries.iter().take_while(|entry| entry.tag(endian) != elf::DT_NULL);
    let value = |tag| entries().find(|entry| entry.tag(endian) == tag).map(|entry| entry.val(endian));
    let strings = value(elf::DT_STRTAB).and_then(|address| in_file(segments, endian, address)).map(|start| {
        let end = start.saturating_add(value(elf::DT_STRSZ).unwrap_or(0)).min(data.len().unwrap_or(0));
        StringTable::new(data, start, end)
    });
    let string = |at: u64| strings.as_ref().and_then(|table| table.get(at.try_into().ok()?).ok()).map(text);
    for entry in entries() {
        let at = entry.val(endian);
        match entry.tag(endian) {
            elf::DT_NEEDED if found.needed.len() < MOST_LIBRARIES => match string(at) {
                Some(name) => found.needed.push(name),
                None => {
                    found.problems.push("the name of a library that it needs cannot be read".into());
                    break;
                }
            },
            elf::DT_SONAME => found.name = string(at),
            elf::DT_RPATH | elf::DT_RUNPATH => found.run_path = string(at),
            _ => (),
        }
    }
    value(elf::DT_FLAGS_1).is_some_and(|flags| flags & names::DF_1_PIE != 0)
}

/// Where in the file an address of the memory comes from.
fn in_file<Segment: ProgramHeader<Endian = Endianness>>(
    segments: &[Segment],
    endian: Endianness,
    address: u64,
) -> Option<u64> {
    let loaded = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD);
    loaded
        .filter_map(|segment| {
            let within = address.checked_sub(segment.p_vaddr(endian).into())?;
            (within < segment.p_filesz(endian).into()).then(|| within.checked_add(segment.p_offset(endian).into()))?
        })
        .next()
}

fn build_id<Header: FileHeader<Endian = Endianness>>(
    mut notes: NoteIterator<'_, Header>,
    endian: Endianness,
) -> Option<String> {
    while let Ok(Some(note)) = notes.next() {
        if note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID {
            return Some(note.desc().iter().take(64).fold(String::new(), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            }));
        }
    }
    None
}

fn sections<'data, Header: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(
    header: &Header,
    endian: Endianness,
    data: R,
    found: &mut Elf,
) {
    match header.shnum(endian, data) {
        Ok(count) => found.section_count = count,
        Err(error) => return found.problems.push(format!("the sections cannot be counted: {error}")),
    }
    if found.section_count > MOST_ENTRIES {
        return found.problems.push("it says that it has more sections than any file needs".into());
    }
    let sections = match header.section_headers(endian, data) {
        Ok(sections) => sections,
        Err(error) => return found.problems.push(format!("the sections cannot be read: {error}")),
    };
    let names = header.section_strings(endian, data, sections).unwrap_or_default();
    if !sections.is_empty() {
        found.is_stripped = Some(sections.iter().all(|section| section.sh_type(endian) != elf::SHT_SYMTAB));
    }
    for section in sections.iter().take(MOST_SECTIONS) {
        // The first one is empty, and stands for none.
        if section.sh_type(endian) == elf::SHT_NULL {
            continue;
        }
        let name = section.name(endian, names).map(text).unwrap_or_default();
        found.has_debug_info |= name == ".debug_info" || name == ".zdebug_info";
        if found.build_id.is_none() && section.sh_size(endian).into() <= MOST_BYTES {
            found.build_id = section.notes(endian, data).ok().flatten().and_then(|notes| build_id(notes, endian));
        }
        found.sections.push(Section {
            name,
            kind: names::section(section.sh_type(endian).0),
            address: section.sh_addr(endian).into(),
            offset: section.sh_offset(endian).into(),
            size: section.sh_size(endian).into(),
            flags: names::flags(section.sh_flags(endian).0),
        });
    }
}

/// Names in a file are bytes; most are text.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
