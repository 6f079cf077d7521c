//! What the numbers in the headers of ELF files are called.

/// It is a program, although it looks like a library.
pub(super) const DF_1_PIE: u64 = 0x0800_0000;

fn named<T: Copy + PartialEq + Into<u64>>(names: &[(T, &str)], number: T, what: &str) -> String {
    match names.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{what} {:#x}", number.into()),
    }
}

/// Such as `AArch64`.
pub(super) fn machine(number: u16) -> String {
    const NAMES: &[(u16, &str)] = &[
        (2, "SPARC"),
        (3, "x86"),
        (8, "MIPS"),
        (20, "PowerPC"),
        (21, "PowerPC 64"),
        (22, "S/390"),
        (40, "Arm"),
        (42, "SuperH"),
        (43, "SPARC 64"),
        (50, "IA-64"),
        (62, "x86-64"),
        (183, "AArch64"),
        (190, "CUDA"),
        (224, "AMD GPU"),
        (243, "RISC-V"),
        (247, "BPF"),
        (258, "LoongArch"),
    ];
    named(NAMES, number, "machine")
}

/// Such as `System V`.
pub(super) fn system(number: u8) -> String {
    const NAMES: &[(u8, &str)] =
        &[(0, "System V"), (2, "NetBSD"), (3, "GNU/Linux"), (6, "Solaris"), (9, "FreeBSD"), (12, "OpenBSD")];
    named(NAMES, number, "ABI")
}

/// Such as `shared library`.
pub(super) fn kind(number: u16) -> String {
    const NAMES: &[(u16, &str)] = &[(1, "relocatable object"), (2, "program"), (3, "shared library"), (4, "core dump")];
    named(NAMES, number, "type")
}

/// Such as `PROGBITS`.
pub(super) fn section(number: u32) -> String {
    const NAMES: &[(u32, &str)] = &[
        (1, "PROGBITS"),
        (2, "SYMTAB"),
        (3, "STRTAB"),
        (4, "RELA"),
        (5, "HASH"),
        (6, "DYNAMIC"),
        (7, "NOTE"),
        (8, "NOBITS"),
        (9, "REL"),
        (11, "DYNSYM"),
        (14, "INIT_ARRAY"),
        (15, "FINI_ARRAY"),
        (16, "PREINIT_ARRAY"),
        (17, "GROUP"),
        (18, "SYMTAB_SHNDX"),
        (19, "RELR"),
        (0x6fff_fff6, "GNU_HASH"),
        (0x6fff_fffd, "GNU_VERDEF"),
        (0x6fff_fffe, "GNU_VERNEED"),
        (0x6fff_ffff, "GNU_VERSYM"),
    ];
    named(NAMES, number, "type")
}

/// The letters of a section's flags.
pub(super) fn flags(bits: u64) -> String {
    const LETTERS: &[(u64, char)] = &[
        (0x1, 'W'),
        (0x2, 'A'),
        (0x4, 'X'),
        (0x10, 'M'),
        (0x20, 'S'),
        (0x40, 'I'),
        (0x80, 'L'),
        (0x200, 'G'),
        (0x400, 'T'),
        (0x800, 'C'),
    ];
    LETTERS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| letter).collect()
}
