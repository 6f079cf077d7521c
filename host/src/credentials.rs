//! Where credentials are kept: the files of Docker and Podman, and the helpers that they name.

use crate::bindings::exports::portolan::image::credentials as wit;
use crate::error::{Error, Result};
use crate::registry::Credentials;
use crate::toolkit::Toolkit;
use rustix::fs::{FlockOperation, flock};
use std::env;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of a file of credentials.
const MOST_BYTES: u64 = 4 << 20;

/// The file that Docker keeps, which `login` writes.
#[must_use]
pub fn docker_config() -> PathBuf {
    let directory = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    directory.unwrap_or_else(|| home().join(".docker")).join("config.json")
}

fn home() -> PathBuf {
    env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

/// Every file in which credentials may be, in the order of looking.
fn files() -> Vec<PathBuf> {
    let podman = |variable: &str, rest: &str| env::var_os(variable).map(|value| PathBuf::from(value).join(rest));
    let mut files = vec![docker_config()];
    files.extend(podman("REGISTRY_AUTH_FILE", ""));
    files.extend(podman("XDG_RUNTIME_DIR", "containers/auth.json"));
    files.push(home().join(".config/containers/auth.json"));
    files
}

/// The credentials of a registry, from the first file that has any.
///
/// # Errors
/// When a file is broken, or a helper fails.
pub fn find(toolkit: &Toolkit, registry: &str) -> Result<Option<Credentials>> {
    for path in files() {
        let Some(config) = read(&path)? else { continue };
        let found = toolkit
            .instantiate()?
            .attempt(|exports, store| exports.portolan_image_credentials().call_find(store, &config, registry));
        match found.map_err(|error| error.at_path(&path))? {
            wit::FoundCredentials::Nothing => {}
            wit::FoundCredentials::Credentials(credentials) => return Ok(Some(credentials)),
            wit::FoundCredentials::Helper(helper) => {
                let Some(answer) = run(&helper.program, "get", helper.server.as_bytes())? else { continue };
                let credentials = toolkit
                    .instantiate()?
                    .attempt(|exports, store| exports.portolan_image_credentials().call_parse(store, &answer))?;
                if credentials.is_some() {
                    return Ok(credentials);
                }
            }
        }
    }
    Ok(None)
}

/// Keeps the credentials of a registry, or forgets them, where Docker would: in a helper if its file names one, in the
/// file otherwise. Answers where.
///
/// # Errors
/// When the file is broken or cannot be written, or a helper fails.
pub fn store(toolkit: &Toolkit, registry: &str, credentials: Option<&Credentials>) -> Result<String> {
    let path = docker_config();
    let config = read(&path)?.unwrap_or_default();
    let mut instance = toolkit.instantiate()?;
    let found = instance
        .attempt(|exports, store| exports.portolan_image_credentials().call_find(store, &config, registry))
        .map_err(|error| error.at_path(&path))?;
    if let wit::FoundCredentials::Helper(wit::CredentialHelper { program, server }) = found {
        match credentials {
            None => run(&program, "erase", server.as_bytes())?,
            Some(credentials) => {
                let (username, secret) = match credentials {
                    Credentials::Password(password) => (password.username.as_str(), &password.password),
                    Credentials::Identity(token) | Credentials::Token(token) => ("<token>", token),
                };
                let entry = serde_json::json!({ "ServerURL": server, "Username": username, "Secret": secret });
                run(&program, "store", entry.to_string().as_bytes())?
            }
        };
        return Ok(format!("docker-credential-{program}"));
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(Error::io("create", directory))?;
    // Two logins at once must not forget each other.
    let lock = File::open(directory).map_err(Error::io("open", directory))?;
    flock(&lock, FlockOperation::LockExclusive).map_err(Error::os("lock", directory))?;
    let config = read(&path)?.unwrap_or_default();
    let written = instance
        .attempt(|exports, store| {
            exports.portolan_image_credentials().call_store(store, &config, registry, credentials)
        })
        .map_err(|error| error.at_path(&path))?;
    let aside = directory.join(format!(".config.json.{}", std::process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(&written)?;
        file.sync_all()?;
        fs::rename(&aside, &path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&aside);
        Error::io("write", &path)(error)
    })?;
    Ok(path.display().to_string())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(Some(bytes))
}

/// Runs a credential helper; nothing where it says that it has no such credentials.
fn run(program: &str, verb: &str, input: &[u8]) -> Result<Option<Vec<u8>>> {
    let program = format!("docker-credential-{program}");
    let failed = Error::io("run", &program);
    let run = || {
        let mut child = Command::new(&program)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input says why itself.
            let _ = stdin.write_all(input);
        }
        child.wait_with_output()
    };
    let output = run().map_err(failed)?;
    if output.status.success() {
        return Ok(Some(output.stdout));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    // What every helper says, from the library that they share.
    if said.contains("credentials not found") {
        return Ok(None);
    }
    Err(Error::Usage(format!("{program} {verb} failed: {}", said.trim().chars().take(300).collect::<String>())))
}
