//! What the `tar` crate writes and reads is what is unpacked here.
#![allow(clippy::unwrap_used, clippy::panic)]
use portolan_image::digest::SoftwareHashes;
use portolan_layer::{Change, Kind, Options, Unpacker};
use proptest::prelude::*;
use std::io::Read;

/// Path, type, mode, owner, time, link and content.
type Listed = (Vec<u8>, u8, u32, (u64, u64), i64, Option<Vec<u8>>, Vec<u8>);

fn unpacked(archive: &[u8]) -> Vec<Listed> {
    let mut unpacker = Unpacker::new(&SoftwareHashes, Options::default()).unwrap();
    let mut listed: Vec<Listed> = Vec::new();
    for chunk in archive.chunks(10_000) {
        unpacker.feed(chunk.to_vec()).unwrap();
        while let Some(batch) = unpacker.take_changes().unwrap() {
            for change in batch.changes {
                match change {
                    Change::Content(content) => {
                        listed.last_mut().unwrap().6.extend_from_slice(&batch.bytes[content.range]);
                    }
                    Change::Entry(entry) => {
                        let (kind, link) = match entry.kind {
                            Kind::File { .. } => (b'0', None),
                            Kind::HardLink { target } => (b'1', Some(target)),
                            Kind::Symlink { target } => (b'2', Some(target)),
                            Kind::Directory => (b'5', None),
                            other => panic!("{other:?}"),
                        };
                        let owner = (u64::from(entry.owner.uid), u64::from(entry.owner.gid));
                        listed.push((entry.path, kind, entry.mode, owner, entry.mtime.seconds, link, Vec::new()));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    unpacker.finish().unwrap();
    listed
}

fn listed(archive: &[u8]) -> Vec<Listed> {
    let mut archive = tar::Archive::new(archive);
    let entry = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let path = entry.path_bytes().strip_suffix(b"/").map_or(entry.path_bytes().into_owned(), <[u8]>::to_vec);
        let link = entry.link_name_bytes().map(|link| link.into_owned());
        let header = entry.header();
        let kind = header.entry_type().as_byte();
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        (path, kind, header.mode().unwrap(), owner, header.mtime().unwrap() as i64, link, content)
    };
    archive.entries().unwrap().map(entry).collect()
}

/// A name whose components may be too long for one header.
fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::string::string_regex("[a-z][a-zA-Zé_ ]{0,80}").unwrap(), 1..5)
        .prop_map(|parts| parts.join("/"))
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    kind: u8,
    mode: u32,
    owner: (u64, u64),
    mtime: u64,
    link: String,
    content: Vec<u8>,
}

fn sample() -> impl Strategy<Value = Sample> {
    let owner = (0u64..1 << 32, 0u64..3_000_000);
    let content = prop::collection::vec(any::<u8>(), 0..2000);
    let kind = prop::sample::select(b"000125".to_vec());
    (name(), kind, 0u32..0o10000, owner, 0u64..1 << 33, name(), content)
        .prop_map(|(name, kind, mode, owner, mtime, link, content)| Sample {
            name,
            kind,
            mode,
            owner,
            mtime,
            link,
            content,
        })
        .prop_filter("a link to itself", |sample| sample.name != sample.link)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn ordinary_archives_are_read_as_the_tar_crate_reads_them(
        samples in prop::collection::vec(sample(), 0..8),
        gnu in any::<bool>(),
    ) {
        let mut builder = tar::Builder::new(Vec::new());
        for sample in &samples {
            let mut header = if gnu { tar::Header::new_gnu() } else { tar::Header::new_ustar() };
            header.set_entry_type(tar::EntryType::new(sample.kind));
            header.set_mode(sample.mode);
            header.set_uid(sample.owner.0);
            header.set_gid(sample.owner.1);
            header.set_mtime(sample.mtime);
            match sample.kind {
                b'1' | b'2' => {
                    header.set_size(0);
                    builder.append_link(&mut header, &sample.name, &sample.link).unwrap();
                }
                b'5' => {
                    header.set_size(0);
                    builder.append_data(&mut header, &sample.name, &[][..]).unwrap();
                }
                _ => {
                    header.set_size(sample.content.len() as u64);
                    builder.append_data(&mut header, &sample.name, &sample.content[..]).unwrap();
                }
            }
        }
        let archive = builder.into_inner().unwrap();
        prop_assert_eq!(unpacked(&archive), listed(&archive));
    }
}
