//! The archive as a stream: what each block is.

use super::entry::Described;
use super::header::{BLOCK, Block, Header, has_valid_checksum};
use super::pax::{self, Global};
use super::sparse::{self, Segment};
use crate::change::{Change, Content};
use crate::error::{Error, Result};
use crate::unpacker::Selection;
use crate::warning::{Warning, Warnings};
use portolan_image::Limits;

/// Reads an archive that comes in pieces.
pub(crate) struct Reader {
    pub(super) limits: Limits,
    pub(super) strict: bool,
    /// Whether names that begin with `.wh.` mean deletions, as they do in a layer.
    pub(super) whiteouts: bool,
    selection: Selection,
    pub(super) warnings: Warnings,
    state: State,
    /// The beginning of a block that is not all here, or an extended header, or a sparse map.
    partial: Vec<u8>,
    /// Of everything fed before.
    offset: u64,
    /// Of the header that is being read or was read last.
    header_offset: u64,
    /// Its name, for messages.
    pub(super) name: Vec<u8>,
    pub(super) extensions: Extensions,
    pub(super) global: Global,
    /// Headers of entries and whiteouts.
    pub(super) entries: u64,
    /// The number of the next entry that is no whiteout.
    pub(super) ordinal: u32,
    pub(super) metadata: u64,
    /// The data of the file that is being read.
    data: Data,
}

/// What extended headers say of the next entry.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) pax: Option<pax::Records>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.name.is_none() && self.link.is_none()
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    /// One zero block was read.
    HalfEnd,
    End,
    /// There was something after the end.
    Ignored,
    /// The body of an extended header of a type.
    Extension {
        kind: u8,
        len: usize,
    },
    /// A block of an old GNU sparse map.
    SparseEntries,
    /// The lines of a PAX 1.0 sparse map; how many newlines it has and needs.
    SparseLines {
        seen: u64,
        needed: Option<u64>,
    },
    Data,
    /// Data that nobody wants, then padding.
    Skip {
        left: u64,
        padding: u64,
    },
}

/// The data of a file.
#[derive(Default)]
struct Data {
    wanted: bool,
    sparse: bool,
    /// The size of the file, holes included.
    size: u64,
    /// Bytes in the archive that are still to come.
    left: u64,
    padding: u64,
    /// What is left of the segment that is being read.
    segment: Option<Segment>,
    /// The next segments, last first.
    segments: Vec<Segment>,
}

impl Reader {
    pub(crate) fn new(limits: Limits, strict: bool, selection: Selection) -> Self {
        Self {
            limits,
            strict,
            whiteouts: true,
            selection,
            warnings: Warnings::default(),
            state: State::Header,
            partial: Vec::new(),
            offset: 0,
            header_offset: 0,
            name: Vec::new(),
            extensions: Extensions::default(),
            global: Global::default(),
            entries: 0,
            ordinal: 0,
            metadata: 0,
            data: Data::default(),
        }
    }

    /// A reader of an archive that is no layer: every name is just a name, and no content is wanted.
    pub(crate) fn without_whiteouts(limits: Limits) -> Self {
        Self { whiteouts: false, ..Self::new(limits, false, Selection::None) }
    }

    /// The offset of the next byte to be fed.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many of the next bytes nobody looks at: unwanted contents and padding.
    pub(crate) fn pending(&self) -> u64 {
        if let State::Skip { left, .. } = self.state { left } else { 0 }
    }

    /// Goes on after at most so many of the [`pending`](Self::pending) bytes, as if they had been fed.
    pub(crate) fn jump(&mut self, len: u64) {
        if let State::Skip { left, padding } = self.state {
            let len = len.min(left);
            self.offset = self.offset.saturating_add(len);
            self.skip(left - len, padding);
        }
    }

    /// Whether the last entry is a file whose bytes do not stand in one piece.
    pub(crate) fn is_sparse(&self) -> bool {
        self.data.sparse
    }

    /// A reader that goes on from here, but reads no content; nothing within the headers of an entry, where much may be
    /// held.
    pub(crate) fn at_rest(&self) -> Option<Self> {
        let within = matches!(self.state, State::Extension { .. } | State::SparseEntries | State::SparseLines { .. });
        (!within && self.extensions.is_empty()).then(|| self.without_content())
    }

    /// A reader that goes on from here, but reads no content.
    pub(crate) fn without_content(&self) -> Self {
        let state = match self.state {
            State::Data => {
                let padding = self.data.padding;
                State::Skip { left: self.data.left + padding, padding }
            }
            state => state,
        };
        Self {
            whiteouts: self.whiteouts,
            state,
            partial: self.partial.clone(),
            offset: self.offset,
            header_offset: self.header_offset,
            global: self.global,
            entries: self.entries,
            ordinal: self.ordinal,
            metadata: self.metadata,
            ..Self::new(self.limits.clone(), self.strict, Selection::None)
        }
    }

    /// Reads the contents of these files, of which none was begun.
    pub(crate) fn select(&mut self, selection: Selection) {
        self.selection = selection;
    }

    /// Whether an entry was read with its content.
    pub(crate) fn is_past(&self, ordinal: u32) -> bool {
        let reading = matches!(self.state, State::Data | State::SparseEntries | State::SparseLines { .. });
        self.ordinal > ordinal && (self.ordinal - 1 > ordinal || !reading)
    }

    /// Whether the zero blocks were read that end an archive.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, State::End | State::Ignored)
    }

    /// How many entries there were, whiteouts left out.
    pub(crate) fn entries(&self) -> u64 {
        u64::from(self.ordinal)
    }

    pub(crate) fn take_warnings(&mut self) -> Warnings {
        std::mem::take(&mut self.warnings)
    }

    /// Reads all of the next bytes; the ranges of contents are into `bytes`.
    pub(crate) fn feed(&mut self, bytes: &[u8], changes: &mut Vec<Change>) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let position = bytes.len() - rest.len();
            match self.state {
                State::Header | State::HalfEnd => {
                    if self.partial.is_empty() {
                        self.header_offset = self.offset + position as u64;
                        self.name.clear();
                    }
                    let Some(block) = self.take_block(&mut rest) else { break };
                    self.header(&block, changes)?;
                }
                State::Extension { kind, len } => {
                    let Some(body) = self.take_bytes(&mut rest, len) else { break };
                    self.extension(kind, body)?;
                }
                State::SparseEntries => {
                    let Some(block) = self.take_block(&mut rest) else { break };
                    self.sparse_entries(&block)?;
                }
                State::SparseLines { seen, needed } => {
                    let fill = BLOCK - self.partial.len() % BLOCK;
                    let (now, after) = rest.split_at_checked(fill).unwrap_or((rest, &[]));
                    self.partial.extend_from_slice(now);
                    rest = after;
                    if now.len() == fill {
                        self.sparse_lines(seen, needed)?;
                    }
                }
                State::Data => self.data(&mut rest, position, changes),
                State::Skip { left, padding } => {
                    let now = left.min(rest.len() as u64);
                    rest = rest.get(now as usize..).unwrap_or_default();
                    self.skip(left - now, padding);
                }
                State::End => {
                    if let Some(index) = rest.iter().position(|&byte| byte != 0) {
                        self.state = State::Ignored;
                        self.warn(Warning::DataAfterEnd { offset: self.offset + (position + index) as u64 })?;
                    }
                    rest = &[];
                }
                State::Ignored => rest = &[],
            }
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Ends the archive.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if !self.partial.is_empty() {
            return Err(self.invalid("the archive ends within a block"));
        }
        match self.state {
            State::End | State::Ignored => Ok(()),
            State::Header | State::HalfEnd => self.missing_end(),
            // Nothing but padding is missing: `umoci insert` ends its layers so, and Go reads them. Other archives have no
            // DiffID that tells whether anything stood behind.
            State::Skip { left, padding } if self.whiteouts && left <= padding => self.missing_end(),
            _ => Err(self.invalid("the archive ends within the entry")),
        }
    }

    fn missing_end(&mut self) -> Result<()> {
        self.header_offset = self.offset;
        self.name.clear();
        self.end()?;
        self.warn(Warning::MissingEnd)
    }

    pub(crate) fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::InvalidArchive { offset: self.header_offset, path: self.name.clone(), reason: reason.into() }
    }

    /// Keeps a warning, which is an error where the caller is strict.
    pub(super) fn warn(&mut self, warning: Warning) -> Result<()> {
        if self.strict {
            return Err(self.invalid(warning.to_string()));
        }
        self.warnings.push(warning);
        Ok(())
    }

    /// Takes a whole block, also where it comes in pieces.
    fn take_block(&mut self, rest: &mut &[u8]) -> Option<Block> {
        if self.partial.is_empty()
            && let Some((block, after)) = rest.split_first_chunk()
        {
            *rest = after;
            return Some(*block);
        }
        self.take_bytes(rest, BLOCK).and_then(|bytes| bytes.try_into().ok())
    }

    fn take_bytes(&mut self, rest: &mut &[u8], len: usize) -> Option<Vec<u8>> {
        let missing = len - self.partial.len();
        let (now, after) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
        self.partial.extend_from_slice(now);
        *rest = after;
        (now.len() == missing).then(|| std::mem::take(&mut self.partial))
    }

    fn end(&self) -> Result<()> {
        if self.extensions.is_empty() { Ok(()) } else { Err(self.invalid("an extended header has no entry")) }
    }

    fn header(&mut self, block: &Block, changes: &mut Vec<Change>) -> Result<()> {
        if block.iter().all(|&byte| byte == 0) {
            self.end()?;
            self.state = if matches!(self.state, State::HalfEnd) { State::End } else { State::HalfEnd };
            return Ok(());
        }
        if matches!(self.state, State::HalfEnd) {
            return Err(self.invalid("a header follows a single zero block"));
        }
        if !has_valid_checksum(block) {
            return Err(self.invalid("the checksum of the header is wrong, so this is no tar archive or a damaged one"));
        }
        let header = Header(block);
        self.name = header.name();
        match header.kind() {
            kind @ (b'x' | b'g' | b'L' | b'K') => self.start_extension(kind, &header),
            _ => {
                let extensions = std::mem::take(&mut self.extensions);
                let described = self.describe(&header, extensions, changes)?;
                self.start_data(described)
            }
        }
    }

    fn start_extension(&mut self, kind: u8, header: &Header<'_>) -> Result<()> {
        let again = match kind {
            b'x' => self.extensions.pax.is_some(),
            b'L' => self.extensions.name.is_some(),
            b'K' => self.extensions.link.is_some(),
            _ => false,
        };
        if again {
            let kind = char::from(kind);
            return Err(self.invalid(format!("two extended headers of the type {kind} before one entry")));
        }
        let size = self.size(header.size())?;
        Limits::check("header-bytes", self.limits.header_bytes, size, || {
            format!("the extended header of {size} bytes at byte {}", self.header_offset)
        })?;
        self.state = State::Extension { kind, len: size as usize };
        if size == 0 {
            self.extension(kind, Vec::new())?;
        }
        Ok(())
    }

    fn extension(&mut self, kind: u8, mut body: Vec<u8>) -> Result<()> {
        let padding = padding(body.len() as u64);
        self.skip(padding, padding);
        match kind {
            b'L' | b'K' => {
                // GNU tar ends the name with a NUL and counts it.
                body.truncate(body.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
                if body.is_empty() || body.contains(&0) {
                    return Err(self.invalid("a GNU long name is empty or has a NUL inside"));
                }
                let name = if kind == b'L' { &mut self.extensions.name } else { &mut self.extensions.link };
                *name = Some(body);
            }
            _ => {
                let records = pax::parse(&body).map_err(|reason| self.invalid(reason))?;
                if kind == b'x' {
                    self.extensions.pax = Some(records);
                } else {
                    self.global.merge(records).map_err(|reason| self.invalid(reason))?;
                }
            }
        }
        Ok(())
    }

    /// A size in bytes as a header gives it.
    pub(super) fn size(&self, number: Option<i128>) -> Result<u64> {
        number
            .and_then(|number| i64::try_from(number).ok())
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| self.invalid("a size is no number from 0 to 2^63 - 1"))
    }

    fn start_data(&mut self, described: Described) -> Result<()> {
        let Described { data, size, sparse, ordinal } = described;
        let wanted = ordinal.is_some_and(|ordinal| self.selection.has(ordinal));
        let (padding, is_sparse) = (padding(data), sparse.is_some());
        self.data = Data { wanted, sparse: is_sparse, size, left: data, padding, segment: None, segments: Vec::new() };
        match sparse {
            None => {
                self.data.segment = Some(Segment { offset: 0, len: data });
                self.begin_data();
                Ok(())
            }
            Some(super::entry::Sparse::Segments(segments)) => self.sparse(segments),
            Some(super::entry::Sparse::Entries(segments)) => {
                self.data.segments = segments;
                self.state = State::SparseEntries;
                Ok(())
            }
            Some(super::entry::Sparse::Lines) => {
                self.state = State::SparseLines { seen: 0, needed: None };
                Ok(())
            }
        }
    }

    /// Goes to the data, now that all that stands before it is read.
    fn begin_data(&mut self) {
        let Data { left, padding, .. } = self.data;
        if !self.data.wanted {
            self.skip(left + padding, padding);
        } else if left == 0 {
            self.skip(padding, padding);
        } else {
            self.state = State::Data;
        }
    }

    fn skip(&mut self, left: u64, padding: u64) {
        self.state = if left == 0 { State::Header } else { State::Skip { left, padding } };
    }

    fn sparse(&mut self, mut segments: Vec<Segment>) -> Result<()> {
        sparse::verify(&segments, self.data.size, self.data.left).map_err(|reason| self.invalid(reason))?;
        segments.reverse();
        self.data.segments = segments;
        self.begin_data();
        Ok(())
    }

    fn sparse_entries(&mut self, block: &Block) -> Result<()> {
        let mut segments = std::mem::take(&mut self.data.segments);
        sparse::append_entries(&mut segments, &block[..504]).map_err(|reason| self.invalid(reason))?;
        self.check_map(24 * segments.len() as u64)?;
        if block[504] == 0 {
            return self.sparse(segments);
        }
        if sparse::has_end(&block[..504]) {
            return Err(self.invalid("a sparse map goes on after its end"));
        }
        self.data.segments = segments;
        Ok(())
    }

    /// Looks at the blocks of a PAX 1.0 map, of which the last one is new.
    fn sparse_lines(&mut self, mut seen: u64, mut needed: Option<u64>) -> Result<()> {
        self.check_map(self.partial.len() as u64)?;
        let Some(left) = self.data.left.checked_sub(BLOCK as u64) else {
            return Err(self.invalid("a sparse map is longer than the data"));
        };
        self.data.left = left;
        let new = self.partial.get(self.partial.len() - BLOCK..).unwrap_or_default();
        seen += new.iter().filter(|&&byte| byte == b'\n').count() as u64;
        if needed.is_none() && seen > 0 {
            let count = self.partial.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let count = pax::amount(count).map_err(|_| self.invalid("a sparse map does not begin with a number"))?;
            // Each of its numbers has at least a digit and a newline.
            self.check_map(count.saturating_mul(4))?;
            needed = Some(count * 2 + 1);
        }
        if needed.is_some_and(|needed| seen >= needed) {
            let text = std::mem::take(&mut self.partial);
            let count = (needed.unwrap_or_default() - 1) / 2;
            let segments = sparse::parse_lines(&text, count).map_err(|reason| self.invalid(reason))?;
            return self.sparse(segments);
        }
        self.state = State::SparseLines { seen, needed };
        Ok(())
    }

    fn check_map(&self, len: u64) -> Result<()> {
        let subject = || format!("the sparse map of {}", crate::error::Shown(&self.name));
        Ok(Limits::check("sparse-bytes", self.limits.sparse_bytes, len, subject)?)
    }

    fn data(&mut self, rest: &mut &[u8], mut position: usize, changes: &mut Vec<Change>) {
        let data = &mut self.data;
        while data.left > 0 && !rest.is_empty() {
            let segment = match data.segment.take().or_else(|| data.segments.pop()) {
                Some(Segment { len: 0, .. }) => continue,
                Some(segment) => segment,
                // The segments are as long as the data.
                None => break,
            };
            let now = segment.len.min(rest.len() as u64);
            let range = position..position + now as usize;
            position = range.end;
            *rest = rest.get(range.len()..).unwrap_or_default();
            changes.push(Change::Content(Content { offset: segment.offset, range }));
            data.left -= now;
            data.segment = Some(Segment { offset: segment.offset + now, len: segment.len - now });
        }
        if data.left == 0 {
            let padding = data.padding;
            self.skip(padding, padding);
        }
    }
}

/// How many bytes pad so much data to a whole block.
fn padding(len: u64) -> u64 {
    len.wrapping_neg() % BLOCK as u64
}
