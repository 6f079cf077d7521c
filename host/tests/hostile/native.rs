//! The layer crate natively, which must give the answer that the component gives.

use crate::cases::{Attack, Expected};
use portolan_image::digest::SoftwareHashes;
use portolan_image::{DiffId, Digest, Limits};
use portolan_layer::tree::Tree;
use portolan_layer::{Change, Compression, Error, Options, Unpacker};
use portolan_tests::image::{Algorithm, Layer, media_type};

/// Whether the layers of a case come to what is expected.
pub fn check(attack: &Attack) -> Result<(), String> {
    let limits = Limits::default().with(attack.limits).map_err(|error| error.to_string())?;
    let strict = attack.arguments.contains(&"--strict");
    match (&attack.expected, unpack(&attack.layers, &limits, strict)) {
        (Expected::Refused { code: "", .. }, Err(_)) => Ok(()),
        (Expected::Refused { code, says }, Err(error)) => {
            let text = error.to_string();
            if error.code().as_str() != *code {
                return Err(format!("expected {code}, found {}: {text}", error.code()));
            }
            match says.iter().find(|&what| !text.contains(what)) {
                Some(missing) => Err(format!("the error does not say {missing:?}: {text}")),
                None => Ok(()),
            }
        }
        (Expected::Unpacked { tree, .. }, Ok(found)) => {
            let mut found: Vec<Vec<u8>> = found.walk().map(|node| node.path).filter(|path| !path.is_empty()).collect();
            let mut expected: Vec<Vec<u8>> =
                tree.iter().map(|(path, _)| path.clone().into_bytes()).filter(|path| !path.is_empty()).collect();
            found.sort();
            expected.sort();
            if found == expected { Ok(()) } else { Err("the tree has other paths".to_owned()) }
        }
        // The number of layers is counted by whoever reads the manifest.
        (Expected::Refused { code: "limit-exceeded", .. }, Ok(_)) if attack.limits.starts_with("layers=") => Ok(()),
        (Expected::Refused { code, .. }, Ok(_)) => Err(format!("expected {code}, found no error")),
        (Expected::Unpacked { .. }, Err(error)) => Err(error.to_string()),
    }
}

fn unpack(layers: &[Layer], limits: &Limits, strict: bool) -> Result<Tree, Error> {
    let mut tree = Tree::new(limits.clone());
    for layer in layers {
        tree.apply(changes(layer, limits, strict)?)?;
    }
    Ok(tree)
}

fn changes(layer: &Layer, limits: &Limits, strict: bool) -> Result<Vec<Change>, Error> {
    let blob = layer.to_blob();
    let digest = Algorithm::Sha256.digest(&blob).parse::<Digest>()?;
    let label = match layer.media_type.as_deref().unwrap_or(layer.compression.media_type()) {
        media_type::TAR_GZIP => Compression::Gzip,
        media_type::TAR_ZSTD => Compression::Zstd,
        _ => Compression::None,
    };
    let options = Options {
        limits: limits.clone(),
        strict,
        label: Some(label),
        expected: Some((digest, blob.len() as u64)),
        diff_id: Some(DiffId(layer.to_diff_id().parse::<Digest>()?)),
        ..Options::default()
    };
    let mut unpacker = Unpacker::new(&SoftwareHashes, options)?;
    let mut changes = Vec::new();
    for chunk in blob.chunks(64 << 10) {
        unpacker.feed(chunk.to_vec())?;
        while let Some(mut batch) = unpacker.take_changes()? {
            batch.changes.retain(|change| !matches!(change, Change::Content(_)));
            changes.append(&mut batch.changes);
        }
    }
    unpacker.finish()?;
    Ok(changes)
}
