//! What a case asks, and the form in which every driver answers.

use portolan_layer::{Change, Kind};
use portolan_tests::image::Compression;
use portolan_tests::tar::{self, Entry};
use serde_json::{Map, Value, json};

/// An answer, or the word for the error.
pub(crate) type Outcome = Result<Value, String>;

/// Answers cases of each interface.
pub(crate) trait Driver {
    fn digest(&mut self, input: &Value) -> Outcome;
    fn reference(&mut self, text: &str) -> Outcome;
    fn platform(&mut self, input: &Value) -> Outcome;
    fn manifest(&mut self, bytes: &[u8], media_type: Option<&str>) -> Outcome;
    fn layer(&mut self, input: &LayerInput, chunk: usize) -> Outcome;
    fn tree(&mut self, layers: &[Vec<u8>]) -> Outcome;
    fn runtime(&mut self, input: &Value) -> Outcome;
}

/// The answer of a driver to the input of a case.
pub(crate) fn answer(driver: &mut dyn Driver, interface: &str, input: &Value) -> Value {
    let outcome = match interface {
        "digest" => driver.digest(input),
        "reference" => driver.reference(text(input, "text").unwrap()),
        "platform" => driver.platform(input),
        "manifest" => {
            let bytes = match &input["document"] {
                Value::String(text) => text.clone().into_bytes(),
                document => serde_json::to_vec(document).unwrap(),
            };
            driver.manifest(&bytes, text(input, "media-type"))
        }
        "layer" => driver.layer(&LayerInput::read(input), usize::MAX),
        "tree" => driver.tree(&input["layers"].as_array().unwrap().iter().map(archive).collect::<Vec<_>>()),
        "runtime" => driver.runtime(input),
        other => panic!("there is no interface {other}"),
    };
    outcome.unwrap_or_else(|code| json!({ "error": code }))
}

/// A layer with what is promised of it.
pub(crate) struct LayerInput {
    pub(crate) blob: Vec<u8>,
    pub(crate) media_type: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) diff_id: Option<String>,
    pub(crate) strict: bool,
}

impl LayerInput {
    pub(crate) fn plain(blob: Vec<u8>) -> Self {
        Self { blob, media_type: None, digest: None, diff_id: None, strict: false }
    }

    fn read(input: &Value) -> Self {
        let tar = archive(&input["entries"]);
        let compression = match text(input, "compression") {
            None => Compression::None,
            Some("gzip") => Compression::Gzip,
            Some("zstd") => Compression::Zstd,
            Some(other) => panic!("there is no compression {other}"),
        };
        let mut blob = compression.compress(&tar);
        if let Some(length) = input["cut"].as_u64() {
            blob.truncate(blob.len() - length as usize);
        }
        let given = |key| text(input, key).map(str::to_owned);
        Self {
            blob,
            media_type: given("media-type"),
            digest: given("digest"),
            diff_id: given("diff-id"),
            strict: input["strict"] == true,
        }
    }
}

/// A tar archive of entries: `name`, `type` (a tar type flag, `0` where it is left out), `content`, `link`, `mode`
/// (octal), `uid`, `gid`, `mtime` and `pax`.
fn archive(entries: &Value) -> Vec<u8> {
    let entry = |input: &Value| {
        let text = |key| text(input, key).unwrap_or_default();
        let number = |key: &str| input[key].as_u64().unwrap_or_default();
        let mut entry = Entry::new(text("type").bytes().next().unwrap_or(b'0'), text("name"))
            .content(text("content"))
            .link(text("link"))
            .owner(number("uid"), number("gid"))
            .mtime(input["mtime"].as_i64().unwrap_or_default())
            .mode(u64::from_str_radix(text("mode"), 8).unwrap_or(0o644));
        for (key, value) in input["pax"].as_object().into_iter().flatten() {
            entry = entry.pax(key, value.as_str().unwrap());
        }
        entry
    };
    tar::Builder::new().entries(entries.as_array().unwrap().iter().map(entry)).build()
}

pub(crate) fn text<'a>(input: &'a Value, key: &str) -> Option<&'a str> {
    input[key].as_str()
}

pub(crate) fn texts(input: &Value) -> Vec<String> {
    input.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The parts of `os/architecture[/variant]`.
pub(crate) fn parts(text: &str) -> [Option<String>; 3] {
    let mut parts = text.split('/').map(str::to_owned);
    [parts.next(), parts.next(), parts.next()]
}

/// An object without the members that are null or empty lists or objects.
pub(crate) fn object(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let is_there = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    Value::Object(
        pairs
            .into_iter()
            .filter(|(_, value)| is_there(value))
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

pub(crate) fn kind(kind: &Kind) -> String {
    match kind {
        Kind::File { size } => format!("file of {size}"),
        Kind::Directory => "directory".to_owned(),
        Kind::Symlink { target } => format!("symlink to {}", shown(target)),
        Kind::HardLink { target } => format!("hard link to {}", shown(target)),
        Kind::CharDevice(device) => format!("char device {}:{}", device.major, device.minor),
        Kind::BlockDevice(device) => format!("block device {}:{}", device.major, device.minor),
        Kind::Fifo => "fifo".to_owned(),
    }
}

/// Changes however they were cut: the content of each file in one piece, what nobody wrote as zeros.
#[derive(Default)]
pub(crate) struct Changes {
    list: Vec<Value>,
    content: Option<Vec<u8>>,
}

impl Changes {
    pub(crate) fn take(&mut self, change: &Change, bytes: &[u8]) {
        match change {
            Change::Content(content) => {
                let whole = self.content.get_or_insert_default();
                whole.resize(usize::try_from(content.offset).unwrap(), 0);
                whole.extend_from_slice(&bytes[content.range.clone()]);
            }
            Change::Entry(entry) => {
                self.end_content();
                let xattrs = entry.xattrs.iter().map(|xattr| format!("{}={}", shown(&xattr.name), shown(&xattr.value)));
                self.list.push(object([
                    ("entry", shown(&entry.path).into()),
                    ("ordinal", entry.ordinal.into()),
                    ("kind", kind(&entry.kind).into()),
                    ("mode", format!("{:04o}", entry.mode).into()),
                    ("owner", format!("{}:{}", entry.owner.uid, entry.owner.gid).into()),
                    ("mtime", json!([entry.mtime.seconds, entry.mtime.nanoseconds])),
                    ("xattrs", xattrs.collect::<Vec<_>>().into()),
                ]));
            }
            Change::Remove(path) => {
                self.end_content();
                self.list.push(json!({ "remove": shown(path) }));
            }
            Change::Clear(path) => {
                self.end_content();
                self.list.push(json!({ "clear": shown(path) }));
            }
        }
    }

    fn end_content(&mut self) {
        if let Some(content) = self.content.take() {
            self.list.push(json!({ "content": shown(&content) }));
        }
    }

    pub(crate) fn finish(mut self) -> Value {
        self.end_content();
        self.list.into()
    }
}

/// A layer that was read, in few words.
pub(crate) fn layer(changes: Changes, compression: &str, warnings: usize) -> Value {
    json!({ "changes": changes.finish(), "compression": compression, "warnings": warnings })
}

/// A node of a tree.
pub(crate) fn node(path: &[u8], kind: &Kind, mode: u32, layer: u32, same_as: Option<&[u8]>, links: u32) -> Value {
    object([
        ("path", shown(path).into()),
        ("kind", self::kind(kind).into()),
        ("mode", format!("{mode:04o}").into()),
        ("layer", layer.into()),
        ("same-as", same_as.map(shown).into()),
        ("links", (links > 1).then_some(links).into()),
    ])
}

/// What an image config decides of a runtime config.
pub(crate) fn runtime(json: &[u8], withheld: &[String]) -> Value {
    let config: Value = serde_json::from_slice(json).unwrap();
    let process = &config["process"];
    let mounts = config["mounts"].as_array().unwrap().iter();
    let volumes: Vec<&Value> = mounts
        .filter(|mount| {
            mount["type"] == "tmpfs" && mount["destination"] != "/dev" && mount["destination"] != "/dev/shm"
        })
        .map(|mount| &mount["destination"])
        .collect();
    json!({
        "args": process["args"], "env": process["env"], "cwd": process["cwd"], "user": process["user"],
        "volumes": volumes, "annotations": config["annotations"], "withheld": withheld,
    })
}
