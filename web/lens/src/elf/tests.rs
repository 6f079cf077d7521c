use std::fs;
use std::ops::Range;

use object::read::ReadRef;

use super::{Elf, Parts};

/// The program of these tests.
fn program() -> Vec<u8> {
    fs::read(std::env::current_exe().unwrap()).unwrap()
}

/// Reads as the page does, part by part.
fn read(bytes: &[u8]) -> Option<Elf> {
    let file = Parts::new(bytes.len() as u64, |offset, into: &mut [u8]| {
        into.copy_from_slice(&bytes[offset as usize..][..into.len()]);
        true
    });
    super::read(&file)
}

fn number(bytes: &[u8], at: usize) -> usize {
    usize::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

#[test]
fn a_program_says_what_it_is_and_what_it_needs() {
    let found = read(&program()).unwrap();
    assert_eq!((found.bits, found.is_big_endian, found.kind.as_str()), (64, false, "position-independent program"));
    assert!(found.interpreter.unwrap().contains("ld-"));
    assert!(found.needed.iter().any(|name| name.starts_with("libc.so")), "{:?}", found.needed);
    assert_eq!(found.is_stripped, Some(false));
    let text = found.sections.iter().find(|section| section.name == ".text").unwrap();
    assert_eq!((text.kind.as_str(), text.flags.as_str()), ("PROGBITS", "AX"));
    assert_eq!(found.problems, [""; 0]);
}

#[test]
fn what_is_no_elf_file_is_none() {
    for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x03\x01\x01", &[0; 100]] {
        assert_eq!(read(bytes), None);
    }
}

#[test]
fn a_big_endian_object_of_32_bits_is_read_by_its_header() {
    let mut bytes = b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend([0, 1, 0, 8, 0, 0, 0, 1, 0, 0x40, 0, 0]);
    bytes.resize(52, 0);
    let found = read(&bytes).unwrap();
    assert_eq!((found.bits, found.is_big_endian, found.entry), (32, true, 0x40_0000));
    assert_eq!((found.kind.as_str(), found.machine.as_str()), ("relocatable object", "MIPS"));
    assert_eq!((found.sections.len(), found.is_stripped), (0, None));
}

#[test]
fn a_file_that_ends_anywhere_says_what_it_can() {
    let whole = program();
    let sections = number(&whole, 40);
    for end in (0..2000).chain(sections.saturating_sub(100)..whole.len().min(sections + 4000)) {
        let _ = read(&whole[..end]);
    }
    let found = read(&whole[..sections]).unwrap();
    assert!(found.problems.iter().any(|problem| problem.contains("sections cannot be read")), "{:?}", found.problems);
    assert!(!found.needed.is_empty(), "what the loader needs is at the beginning");
}

#[test]
fn no_byte_of_the_headers_can_do_harm() {
    let mut bytes = program();
    let sections = number(&bytes, 40);
    let tables = (0..64 + 56 * 16).chain(sections..bytes.len());
    for at in tables {
        let kept = bytes[at];
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            bytes[at] = value;
            let _ = read(&bytes);
        }
        bytes[at] = kept;
    }
}

#[test]
fn counts_that_no_file_has_are_refused() {
    let mut bytes = program();
    let sections = number(&bytes, 40);
    // No count in the header: it is the size of the first section.
    bytes[60..62].copy_from_slice(&[0, 0]);
    bytes[sections + 32..sections + 40].copy_from_slice(&0xffff_ffff_u64.to_le_bytes());
    // And that of the segments is in its `info`.
    bytes[56..58].copy_from_slice(&[0xff, 0xff]);
    bytes[sections + 44..sections + 48].copy_from_slice(&u32::MAX.to_le_bytes());
    let found = read(&bytes).unwrap();
    assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
    assert!(found.problems.iter().all(|problem| problem.contains("than any file needs")));
    assert_eq!((found.section_count, found.sections.len()), (u32::MAX, 0));
}

#[test]
fn a_file_that_leads_to_the_same_over_and_over_is_given_up() {
    let bytes = program();
    let file = Parts::new(bytes.len() as u64, |_, _: &mut [u8]| true);
    let reads = (0..1_000_000).take_while(|_| (&file).read_bytes_at(0, 1 << 20).is_ok()).count();
    assert_eq!(reads, 64);
    assert_eq!((&file).read_bytes_at(u64::MAX, 2), Err(()));
    assert_eq!((&file).read_bytes_at_until(Range { start: 9, end: 3 }, 0), Err(()));
}
