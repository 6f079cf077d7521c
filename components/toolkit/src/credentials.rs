//! The interface `credentials`.

use crate::Component;
use crate::bindings::exports::portolan::image::credentials::{CredentialHelper, FoundCredentials, Guest};
use crate::bindings::exports::portolan::image::registry::{Credentials, Password};
use crate::types::Result;
use portolan_registry::{self as registry, client::credentials};

impl Guest for Component {
    fn find(config: Vec<u8>, registry: String) -> Result<FoundCredentials> {
        Ok(match credentials::find(&config, &registry)? {
            credentials::Found::Nothing => FoundCredentials::Nothing,
            credentials::Found::Credentials(credentials) => FoundCredentials::Credentials(credentials.into()),
            credentials::Found::Helper { program, server } => {
                FoundCredentials::Helper(CredentialHelper { program, server })
            }
        })
    }

    fn parse(answer: Vec<u8>) -> Result<Option<Credentials>> {
        Ok(credentials::from_helper(&answer)?.map(Into::into))
    }

    fn store(config: Vec<u8>, registry: String, given: Option<Credentials>) -> Result<Vec<u8>> {
        Ok(credentials::store(&config, &registry, given.map(registry::Credentials::from).as_ref())?)
    }
}

impl From<registry::Credentials> for Credentials {
    fn from(credentials: registry::Credentials) -> Self {
        match credentials {
            registry::Credentials::Password { username, password } => Self::Password(Password { username, password }),
            registry::Credentials::Identity(token) => Self::Identity(token),
            registry::Credentials::Token(token) => Self::Token(token),
        }
    }
}
