//! A layer unpacked in chunks, in a form that does not depend on the chunks.

use portolan_image::digest::SoftwareHashes;
use portolan_layer::{Change, Content, Error, Kind, Options, Selection, Summary, Unpacker};

/// A change with its bytes beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Anything but a content.
    Change(Change),
    /// Bytes of the last regular file, as many in one piece as there are.
    Content { offset: u64, bytes: Vec<u8> },
}

/// All that an unpacker says of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The changes up to the end or the error.
    pub steps: Vec<Step>,
    /// How it ended.
    pub result: Result<Summary, Error>,
}

impl Unpacked {
    /// The changes without the contents.
    pub fn changes(&self) -> impl Iterator<Item = &Change> + Clone {
        self.steps.iter().filter_map(|step| match step {
            Step::Change(change) => Some(change),
            Step::Content { .. } => None,
        })
    }

    /// Only the contents that a selection wants.
    #[must_use]
    pub fn selected(&self, selection: &Selection) -> Vec<Step> {
        let mut wanted = false;
        let mut selected = Vec::new();
        for step in &self.steps {
            if let Step::Change(Change::Entry(entry)) = step {
                wanted = match selection {
                    Selection::All => true,
                    Selection::None => false,
                    Selection::Only(ordinals) => ordinals.contains(&entry.ordinal),
                };
            }
            if wanted || matches!(step, Step::Change(_)) {
                selected.push(step.clone());
            }
        }
        selected
    }
}

/// Unpacks a layer, checking on the way what is promised of every batch.
pub fn unpack<'a>(chunks: impl Iterator<Item = &'a [u8]>, options: Options) -> Unpacked {
    let mut unpacker = Unpacker::new(&SoftwareHashes, options).unwrap();
    let mut unpacked = Collector::default();
    let mut fault = None;
    for chunk in chunks {
        match fault {
            // After an error the rest of the blob is still fed, and no call may make it better.
            Some(_) => _ = unpacker.feed(chunk.to_vec()),
            None => fault = unpacked.feed(&mut unpacker, chunk).err(),
        }
    }
    let result = unpacker.finish();
    if let Some(fault) = fault {
        assert_eq!(result.as_ref().err(), Some(&fault), "finish forgets the error");
    }
    if let Ok(summary) = &result {
        assert_eq!(summary.entries, u64::from(unpacked.ordinal), "entries are not those that were given");
    }
    Unpacked { steps: unpacked.steps, result }
}

#[derive(Default)]
struct Collector {
    steps: Vec<Step>,
    ordinal: u32,
    /// The size of the last file, and how far its contents have come.
    size: u64,
    end: u64,
}

impl Collector {
    fn feed(&mut self, unpacker: &mut Unpacker, chunk: &[u8]) -> Result<(), Error> {
        unpacker.feed(chunk.to_vec())?;
        while let Some(batch) = unpacker.take_changes()? {
            assert!(batch.bytes.len() <= 1 << 20, "a batch of {} bytes", batch.bytes.len());
            for change in batch.changes {
                self.take(change, &batch.bytes);
            }
        }
        Ok(())
    }

    fn take(&mut self, change: Change, batch: &[u8]) {
        let Change::Content(Content { offset, range }) = change else {
            if let Change::Entry(entry) = &change {
                assert_eq!(entry.ordinal, self.ordinal, "ordinals count from 0");
                self.ordinal += 1;
                (self.size, self.end) = (if let Kind::File { size } = entry.kind { size } else { 0 }, 0);
            }
            self.steps.push(Step::Change(change));
            return;
        };
        let bytes = &batch[range];
        assert!(offset >= self.end, "contents go back");
        self.end = offset + bytes.len() as u64;
        assert!(self.end <= self.size, "a content runs past the end of its file");
        match self.steps.last_mut() {
            Some(Step::Content { offset: start, bytes: before }) if *start + before.len() as u64 == offset => {
                before.extend_from_slice(bytes);
            }
            _ => self.steps.push(Step::Content { offset, bytes: bytes.to_vec() }),
        }
    }
}
