//! Packs the explorer's page, `web/dist`, for the program.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

/// Writes `explorer.rs`: a constant with the path of every file, whether it is compressed, and its bytes. It is empty when
/// the page was not built.
pub(crate) fn pack(web: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let built = web.join("dist");
    if web.is_dir() {
        watch(&built);
    }
    let packed = out.join("explorer");
    let _ = fs::remove_dir_all(&packed);
    fs::create_dir_all(&packed)?;
    let mut paths = Vec::new();
    if built.join("index.html").is_file() {
        list(&built, "", &mut paths)?;
    }
    paths.sort();
    let mut text = String::from("/// The files of the page.\nconst EMBEDDED: &[(&str, bool, &[u8])] = &[\n");
    for (number, path) in paths.iter().enumerate() {
        let whole = fs::read(built.join(path))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&whole)?;
        let compressed = encoder.finish()?;
        let is_gzip = compressed.len() < whole.len();
        let file = packed.join(number.to_string());
        fs::write(&file, if is_gzip { compressed } else { whole })?;
        writeln!(text, "    ({path:?}, {is_gzip}, include_bytes!({:?})),", file.display().to_string())?;
    }
    text.push_str("];\n");
    fs::write(out.join("explorer.rs"), text)?;
    Ok(())
}

/// Has this run again when the page is built. What is not there would have it run every time, so an empty directory is made
/// for it, from long ago: nothing in it is newer than this run.
fn watch(built: &Path) {
    let is_made = !built.exists() && fs::create_dir(built).is_ok();
    if is_made && let Ok(directory) = File::open(built) {
        let _ = directory.set_modified(SystemTime::UNIX_EPOCH);
    }
    println!("cargo::rerun-if-changed={}", built.display());
}

fn list(directory: &Path, prefix: &str, paths: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{} is no UTF-8", name.display()))?;
        match entry.file_type()?.is_dir() {
            true => list(&entry.path(), &format!("{prefix}{name}/"), paths)?,
            false => paths.push(format!("{prefix}{name}")),
        }
    }
    Ok(())
}
