//! Verifies layers one after another on one thread, natively: what `portolan verify --jobs 1` does through the component.
//!
//! `verify BLOB DIGEST DIFF-ID [BLOB DIGEST DIFF-ID]...`

use portolan_image::digest::{DiffId, SoftwareHashes};
use portolan_layer::{Options, Selection, Unpacker};
use std::error::Error;
use std::fs::File;
use std::io::Read;

const CHUNK: usize = 1 << 18;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let layers = args.chunks_exact(3);
    if args.is_empty() || !layers.remainder().is_empty() {
        return Err("expected BLOB DIGEST DIFF-ID, once or more often".into());
    }
    for layer in layers {
        let [path, digest, diff_id] = layer else { continue };
        let mut file = File::open(path)?;
        let mut unpacker = Unpacker::new(
            &SoftwareHashes,
            Options {
                expected: Some((digest.parse()?, file.metadata()?.len())),
                diff_id: Some(DiffId(diff_id.parse()?)),
                content: Selection::None,
                ..Options::default()
            },
        )?;
        loop {
            let mut chunk = vec![0; CHUNK];
            let length = file.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            chunk.truncate(length);
            unpacker.feed(chunk)?;
            while unpacker.take_changes()?.is_some() {}
        }
        let summary = unpacker.finish()?;
        println!("{} {}", summary.diff_id, summary.uncompressed_size);
    }
    Ok(())
}
