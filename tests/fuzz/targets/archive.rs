//! The index of an archive's members: the same in windows of any length, and true of the bytes.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use portolan_fuzz::headers;
use portolan_fuzz::unpacked::{Step, unpack};
use portolan_image::Limits;
use portolan_layer::archive::Members;
use portolan_layer::{Change, Kind, Options, Result, path, whiteout};
use std::collections::HashMap;

const CONTROL: usize = 2;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    headers::mutate(data, size, max_size, seed, CONTROL)
});

fuzz_target!(|data: &[u8]| {
    let Some((&window, archive)) = data.split_first_chunk::<CONTROL>() else { return };
    let window = u32::from(u16::from_le_bytes(window));
    let usual = read(archive, Members::new(Limits::default()));
    let other = read(archive, Members::new(Limits::default()).with_window(window));
    let (usual, other) = match (usual, other) {
        (Ok(usual), Ok(other)) => (usual, other),
        (Err(usual), Err(other)) => return assert_eq!(usual, other),
        (usual, other) => panic!("{:?} in a window of {window}: {:?}", usual.err(), other.err()),
    };
    assert_eq!(usual.warnings(), other.warnings());
    assert!(usual.iter().eq(other.iter()));
    let contents = contents(archive);
    for (path, member) in usual.iter() {
        let end = member.offset.checked_add(member.size).unwrap();
        let bytes = &archive[member.offset as usize..end as usize];
        assert_eq!(usual.find(path).unwrap().as_ref(), Some(member));
        assert_eq!(other.find(path).unwrap().as_ref(), Some(member));
        if member.path == path {
            assert_eq!(usual.find_regular(path).unwrap().as_ref(), Some(member));
            // The files that AUFS kept for itself are no part of a layer.
            let is_whiteout = path::components(path).any(|component| component.starts_with(whiteout::PREFIX));
            if let Some(contents) = contents.as_ref().filter(|_| !is_whiteout) {
                assert_eq!(contents.get(path).map(Vec::as_slice), Some(bytes), "the content of a member");
            }
        }
    }
    // What the archive says of itself, and links of every kind.
    if let Some(contents) = &contents {
        for path in contents.keys() {
            assert_eq!(usual.find(path), other.find(path));
            assert_eq!(usual.find_regular(path), other.find_regular(path));
        }
    }
});

fn read(archive: &[u8], mut members: Members) -> Result<Members> {
    let mut end = 0;
    while let Some(range) = members.next() {
        assert!(range.length > 0 && range.offset >= end, "ranges overlap or go back");
        end = range.offset + u64::from(range.length);
        let start = usize::try_from(range.offset).unwrap().min(archive.len());
        members.supply(&archive[start..(start + range.length as usize).min(archive.len())])?;
    }
    Ok(members)
}

/// The contents by path as a layer has them, if it is one without whiteouts; links of all kinds are empty.
fn contents(archive: &[u8]) -> Option<HashMap<Vec<u8>, Vec<u8>>> {
    let unpacked = unpack(archive.chunks(1 << 20), Options::default());
    unpacked.result.as_ref().ok()?;
    let mut contents = HashMap::new();
    let mut last = Vec::new();
    for step in unpacked.steps {
        match step {
            Step::Change(Change::Entry(entry)) => {
                last.clone_from(&entry.path);
                let known = contents.insert(entry.path, Vec::new());
                if matches!(entry.kind, Kind::Directory) && known.is_some_and(|known| !known.is_empty()) {
                    return None;
                }
            }
            Step::Content { offset: _, bytes } => contents.entry(last.clone()).or_default().extend(bytes),
            Step::Change(_) => return None,
        }
    }
    Some(contents)
}
