//! Hashes that keep what they are given, so that decoded bytes can be compared and not only their digest.

use portolan_image::digest::{Crc32, Hash, Hashes, SoftwareHashes};
use portolan_image::{Algorithm, Limits};
use portolan_layer::{Error, Options, Selection, Unpacker};
use std::sync::{Arc, Mutex};

/// Lends hashes of which each keeps all its bytes.
#[derive(Default)]
struct Recording {
    started: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

struct Record(Arc<Mutex<Vec<u8>>>);

impl Hash for Record {
    fn update(&mut self, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }

    fn duplicate(&self) -> Box<dyn Hash> {
        Box::new(Self(Arc::new(Mutex::new(self.0.lock().unwrap().clone()))))
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        vec![0; 32]
    }
}

impl Hashes for Recording {
    fn start(&self, _: &Algorithm) -> Option<Box<dyn Hash>> {
        let bytes = Arc::default();
        self.started.lock().unwrap().push(Arc::clone(&bytes));
        Some(Box::new(Record(bytes)))
    }

    fn crc32(&self) -> Crc32 {
        SoftwareHashes.crc32()
    }
}

/// Decodes a stream whose first decoded bytes are the end of an archive, so that only the compression is looked at.
///
/// Gives all that was decoded, and how it ended.
pub fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>, limits: Limits) -> (Vec<u8>, Result<(), Error>) {
    let hashes = Recording::default();
    let options = Options { limits, content: Selection::None, ..Options::default() };
    let mut unpacker = Unpacker::new(&hashes, options).unwrap();
    let fed = chunks.into_iter().try_for_each(|chunk| {
        unpacker.feed(chunk.to_vec())?;
        while unpacker.take_changes()?.is_some() {}
        Ok(())
    });
    let result = fed.and_then(|()| unpacker.finish().map(drop));
    // The hash of the blob is started before that of the decoded bytes.
    let decoded = hashes.started.lock().unwrap()[1].lock().unwrap().clone();
    (decoded, result)
}
