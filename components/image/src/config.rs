//! Image configs: what an image runs on, how it is run, what its layers are and how they came about (config.md).

use crate::annotation::Annotations;
use crate::digest::DiffId;
use crate::error::Result;
use crate::json::{Cursor, Value, quote};
use crate::limits::Limits;
use crate::platform::Platform;

mod date_time;
pub use date_time::is_date_time;

const CONFIG: &str = "image config";

/// An image config, OCI's or Docker's, beside its bytes.
///
/// Every optional member may be null, which is the same as missing (C-02); unknown members are no error (C-03).
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The bytes as they were received; their SHA-256 is the ImageID (C-19).
    pub raw: Vec<u8>,
    /// When the image was made, an RFC 3339 date-time (C-05).
    pub created: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// What the image runs on (C-01, C-06).
    pub platform: Platform,
    /// How to run it; missing altogether in some images (C-22).
    pub config: Option<Execution>,
    /// The DiffIDs of the layers, bottom first (C-15).
    pub diff_ids: Vec<DiffId>,
    /// How each layer came about, bottom first (C-20).
    pub history: Vec<History>,
}

/// The parameters with which a container starts, the member `config` of the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    /// The user in one of the forms of C-07; empty is the same as missing.
    pub user: Option<String>,
    /// Ports such as `80/tcp` (C-08).
    pub exposed_ports: Vec<String>,
    /// Variables as name and value; names are not empty, and may repeat (C-09).
    pub env: Vec<(String, String)>,
    /// The first part of the command line.
    pub entrypoint: Option<Vec<String>>,
    /// The second part of the command line, which arguments replace (C-10).
    pub cmd: Option<Vec<String>>,
    /// Paths of volumes (C-08).
    pub volumes: Vec<String>,
    /// The current directory at the start; empty is the same as missing.
    pub working_dir: Option<String>,
    /// Labels, under the rules of annotations (C-11).
    pub labels: Annotations,
    /// The signal that asks the container to stop, such as `SIGTERM` (C-12).
    pub stop_signal: Option<String>,
    /// Windows only: whether the command line is escaped already; deprecated (C-13).
    pub args_escaped: bool,
    /// Docker's health check as it stands; reserved by the image-spec (C-13).
    pub healthcheck: Option<Value>,
}

/// How one layer came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// When, an RFC 3339 date-time (C-05).
    pub created: Option<String>,
    /// The command.
    pub created_by: Option<String>,
    /// By whom.
    pub author: Option<String>,
    /// A comment.
    pub comment: Option<String>,
    /// Whether this step made no layer (C-20).
    pub empty_layer: bool,
}

impl Config {
    /// Parses the config of an image. Only call this for a config media type of an image (N-04).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) pointing at the member that breaks a rule, and
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for `config-bytes`, `json-depth` and `layers`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let value = Value::parse(CONFIG, bytes, ("config-bytes", limits.config_bytes), limits)?;
        let document = Cursor::new(CONFIG, &value);
        let platform = Platform {
            os: document.required("os")?.string()?.to_owned(),
            architecture: document.required("architecture")?.string()?.to_owned(),
            variant: document.optional_string("variant")?,
            os_version: document.optional_string("os.version")?,
            os_features: document.optional_strings("os.features")?,
        };
        let history = document.optional("history")?.map(|history| history.elements()).transpose()?.unwrap_or_default();
        Ok(Self {
            raw: bytes.to_vec(),
            created: date_time(&document, "created")?,
            author: document.optional_string("author")?,
            platform,
            config: document.optional("config")?.map(|config| Execution::read(&config)).transpose()?,
            diff_ids: diff_ids(&document.required("rootfs")?, limits)?,
            history: history.iter().map(History::read).collect::<Result<_>>()?,
        })
    }

    /// How many steps of the history made a layer (C-21).
    #[must_use]
    pub fn history_layers(&self) -> usize {
        self.history.iter().filter(|step| !step.empty_layer).count()
    }
}

impl Execution {
    fn read(object: &Cursor<'_>) -> Result<Self> {
        let list = |name| object.optional(name)?.map(|list| list.strings()).transpose();
        Ok(Self {
            user: object.optional_string("User")?.filter(|user| !user.is_empty()),
            exposed_ports: set(object, "ExposedPorts")?,
            env: object.optional("Env")?.map(|env| variables(&env)).transpose()?.unwrap_or_default(),
            entrypoint: list("Entrypoint")?,
            cmd: list("Cmd")?,
            volumes: set(object, "Volumes")?,
            working_dir: object.optional_string("WorkingDir")?.filter(|path| !path.is_empty()),
            labels: Annotations::read(object, "Labels")?,
            stop_signal: object.optional_string("StopSignal")?.filter(|signal| !signal.is_empty()),
            args_escaped: flag(object, "ArgsEscaped")?,
            healthcheck: object.optional("Healthcheck")?.map(|check| check.value().clone()),
        })
    }
}

impl History {
    fn read(object: &Cursor<'_>) -> Result<Self> {
        Ok(Self {
            created: date_time(object, "created")?,
            created_by: object.optional_string("created_by")?,
            author: object.optional_string("author")?,
            comment: object.optional_string("comment")?,
            empty_layer: flag(object, "empty_layer")?,
        })
    }
}

fn flag(object: &Cursor<'_>, name: &str) -> Result<bool> {
    Ok(object.optional(name)?.map(|flag| flag.boolean()).transpose()?.unwrap_or_default())
}

/// C-08: a set is an object whose values are empty objects. What is in them is ignored, null stands for an empty one.
fn set(object: &Cursor<'_>, name: &str) -> Result<Vec<String>> {
    let Some(set) = object.optional(name)? else { return Ok(Vec::new()) };
    let keys = set.members()?.into_iter().map(|(key, value)| match value.value() {
        Value::Null => Ok(key.to_owned()),
        _ => value.members().map(|_| key.to_owned()),
    });
    keys.collect()
}

/// C-09: `NAME=value`, where the value may hold `=` or be empty.
fn variables(env: &Cursor<'_>) -> Result<Vec<(String, String)>> {
    let variable = |entry: &Cursor<'_>| {
        let text = entry.string()?;
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(entry.invalid(format!("expected NAME=value, found {}", quote(text)))),
        }
    };
    env.elements()?.iter().map(variable).collect()
}

fn date_time(object: &Cursor<'_>, name: &str) -> Result<Option<String>> {
    let Some(value) = object.optional(name)? else { return Ok(None) };
    let text = value.string()?;
    if !is_date_time(text) {
        return Err(value.invalid(format!("expected a date-time as RFC 3339 has it, found {}", quote(text))));
    }
    Ok(Some(text.to_owned()))
}

/// The DiffIDs of `rootfs`, whose type must be `layers` (C-14). Docker leaves them out when an image has no layers.
fn diff_ids(rootfs: &Cursor<'_>, limits: &Limits) -> Result<Vec<DiffId>> {
    let kind = rootfs.required("type")?;
    if kind.string()? != "layers" {
        return Err(kind.invalid(format!("expected \"layers\", found {}", quote(kind.string()?))));
    }
    let diff_ids = rootfs.optional("diff_ids")?.map(|diff_ids| diff_ids.elements()).transpose()?.unwrap_or_default();
    Limits::check("layers", limits.layers, diff_ids.len() as u64, || format!("{CONFIG} of {} layers", diff_ids.len()))?;
    let diff_id = |value: &Cursor<'_>| {
        let digest = value.string()?.parse().map_err(|error| value.invalid(format!("{error}")))?;
        Ok(DiffId(digest))
    };
    diff_ids.iter().map(diff_id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(members: &str) -> Result<Config> {
        let text = format!(r#"{{"os":"linux","architecture":"arm64","rootfs":{{"type":"layers"}}{members}}}"#);
        Config::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn c_02_every_optional_member_may_be_null() {
        let nulls =
            r#","created":null,"author":null,"variant":null,"os.version":null,"os.features":null,"history":null"#;
        assert!(parse(&format!(r#"{nulls},"config":null"#)).unwrap().config.is_none());
        let names = ["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels"];
        let more = ["StopSignal", "ArgsEscaped", "Memory", "MemorySwap", "CpuShares", "Healthcheck"];
        let nulls: Vec<String> = names.iter().chain(&more).map(|name| format!(r#""{name}":null"#)).collect();
        let config = parse(&format!(r#","config":{{{}}}"#, nulls.join(","))).unwrap();
        assert_eq!(config.config, Some(Execution::default()));
    }

    #[test]
    fn c_09_a_variable_has_a_name() {
        let env = |entry: &str| parse(&format!(r#","config":{{"Env":["{entry}"]}}"#));
        for (entry, name, value) in [("A=b=c", "A", "b=c"), ("A=", "A", "")] {
            assert_eq!(env(entry).unwrap().config.unwrap().env, [(name.to_owned(), value.to_owned())]);
        }
        for entry in ["", "=", "=x", "PATH"] {
            let error = env(entry).unwrap_err().to_string();
            assert!(error.contains("/config/Env/0: expected NAME=value"), "{error}");
        }
    }

    #[test]
    fn c_14_a_rootfs_of_another_type_is_refused() {
        let text = r#"{"os":"linux","architecture":"arm64","rootfs":{"type":"layer","diff_ids":[]}}"#;
        let error = Config::parse(text.as_bytes(), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("/rootfs/type"), "{error}");
    }

    #[test]
    fn c_20_steps_without_a_layer_are_told_apart() {
        let config = parse(r#","history":[{"empty_layer":true},{"created_by":"x"},{"empty_layer":null}]"#).unwrap();
        assert_eq!((config.history.len(), config.history_layers()), (3, 2));
    }

    #[test]
    fn c_08_ports_and_volumes_are_sets() {
        let config = parse(r#","config":{"ExposedPorts":{"80/tcp":{},"53":{}},"Volumes":{"/a":{}}}"#).unwrap();
        let config = config.config.unwrap();
        assert_eq!((config.exposed_ports, config.volumes), (vec!["80/tcp".into(), "53".into()], vec!["/a".into()]));
        assert!(parse(r#","config":{"Volumes":{"/a":1}}"#).is_err());
        assert!(parse(r#","config":{"Volumes":["/a"]}"#).is_err());
    }
}
