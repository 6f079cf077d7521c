//! Who may ask: names and passwords of an `htpasswd` file.

use crate::error::{Error, Result};
use portolan_image::Algorithm;
use portolan_image::digest::{Hashes as _, SoftwareHashes};
use portolan_registry::server::challenge;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long a password that was right is not computed again: bcrypt is slow on purpose, and every request brings one.
const REMEMBERED: Duration = Duration::from_secs(300);
/// How many right passwords are remembered.
const MOST: usize = 10_000;

/// The names and passwords that are let in.
pub struct Access {
    hashes: Arc<HashMap<String, String>>,
    /// What a wrong name is compared with, so that it takes as long as a wrong password.
    decoy: String,
    known: Mutex<HashMap<Vec<u8>, Instant>>,
    key: String,
    /// Guessing passwords must not take all processors.
    turns: Semaphore,
}

impl Access {
    /// Reads an `htpasswd` file of bcrypt hashes, as `htpasswd -B` writes it.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Usage`] for a line that is not `NAME:$2y$...`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let mut hashes = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || {
                let (path, number) = (path.display(), number + 1);
                Error::Usage(format!(
                    "{path}:{number}: expected NAME:HASH with a bcrypt hash, as `htpasswd -B` writes it"
                ))
            };
            let (name, hash) = line.split_once(':').ok_or_else(wrong)?;
            if !["$2y$", "$2a$", "$2b$"].iter().any(|prefix| hash.starts_with(prefix)) || hash.len() != 60 {
                return Err(wrong());
            }
            hashes.insert(name.to_owned(), hash.to_owned());
        }
        let decoy = hashes.values().next().cloned().unwrap_or_default();
        let key = crate::store::random()?;
        Ok(Self { hashes: Arc::new(hashes), decoy, known: Mutex::default(), key, turns: Semaphore::new(2) })
    }

    /// Whether the value of an `Authorization` header lets in.
    pub(super) async fn allows(&self, authorization: Option<&str>) -> bool {
        let Some((name, password)) = authorization.and_then(challenge::credentials) else { return false };
        let Some(mark) = self.mark(&name, &password) else { return false };
        let is_known =
            |known: &mut HashMap<Vec<u8>, Instant>| known.get(&mark).is_some_and(|at| at.elapsed() < REMEMBERED);
        if is_known(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner)) {
            return true;
        }
        let Ok(_turn) = self.turns.acquire().await else { return false };
        let hash = self.hashes.get(&name).unwrap_or(&self.decoy).clone();
        let compared = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false)).await;
        let is_right = compared.unwrap_or(false) && self.hashes.contains_key(&name);
        if is_right {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(mark, Instant::now());
        }
        is_right
    }

    /// What stands for a name and its password in memory.
    fn mark(&self, name: &str, password: &str) -> Option<Vec<u8>> {
        let mut hash = SoftwareHashes.start(&Algorithm::Sha256)?;
        for part in [&self.key, name, password] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Some(hash.finish())
    }
}
