//! One test for each line of the table of the grammar.

mod end;
mod extended;
mod kinds;
mod numbers;
mod sparse;

use super::Reader;
use crate::change::{Change, Entry, Kind};
use crate::error::{Error, Result};
use crate::unpacker::Selection;
use crate::warning::Warning;
use portolan_image::{Code, Limits};

/// The changes of an archive and its warnings, read in pieces of a size.
fn read_in(bytes: &[u8], piece: usize, limits: Limits) -> Result<(Vec<Change>, Vec<Warning>)> {
    let mut reader = Reader::new(limits, false, Selection::All);
    let mut changes = Vec::new();
    for piece in bytes.chunks(piece) {
        reader.feed(piece, &mut changes)?;
    }
    reader.finish()?;
    Ok((changes, reader.take_warnings().kept))
}

fn read(bytes: &[u8]) -> Result<Vec<Change>> {
    read_in(bytes, usize::MAX, Limits::default()).map(|(changes, _)| changes)
}

fn warnings(bytes: &[u8]) -> Vec<Warning> {
    read_in(bytes, usize::MAX, Limits::default()).unwrap().1
}

/// The entries alone.
fn entries(bytes: &[u8]) -> Vec<Entry> {
    let entry = |change| if let Change::Entry(entry) = change { Some(entry) } else { None };
    read(bytes).unwrap().into_iter().filter_map(entry).collect()
}

/// The first entry alone.
fn first(bytes: &[u8]) -> Entry {
    entries(bytes).remove(0)
}

/// Paths and sizes of the entries; what is no file has the size `None`.
fn listing(bytes: &[u8]) -> Vec<(String, Option<u64>)> {
    let listed = |entry: Entry| {
        let size = if let Kind::File { size } = entry.kind { Some(size) } else { None };
        (String::from_utf8(entry.path).unwrap(), size)
    };
    entries(bytes).into_iter().map(listed).collect()
}

fn code(bytes: &[u8]) -> Code {
    read(bytes).unwrap_err().code()
}

/// The reason of an error of the grammar.
fn reason(bytes: &[u8]) -> String {
    match read(bytes).unwrap_err() {
        Error::InvalidArchive { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn limit(bytes: &[u8], limits: &str) -> &'static str {
    match read_in(bytes, usize::MAX, Limits::default().with(limits).unwrap()).unwrap_err() {
        Error::Image(portolan_image::Error::LimitExceeded { key, .. }) => key,
        other => panic!("{other:?}"),
    }
}
