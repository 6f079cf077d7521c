//! The interface `runtime`.

use crate::Component;
use crate::bindings::exports::portolan::image::runtime::{Guest, Inputs, Mapping, Mappings, RuntimeConfig};
use crate::types::{Limit, Result, limits};
use portolan_image::{Config, runtime};

impl Guest for Component {
    fn convert(config: Vec<u8>, inputs: Inputs, replaced: Vec<Limit>) -> Result<RuntimeConfig> {
        let config = Config::parse(&config, &limits(&replaced)?)?;
        let converted = runtime::convert(
            &config,
            &runtime::Inputs {
                passwd: inputs.passwd.as_deref(),
                group: inputs.group.as_deref(),
                cmd: inputs.cmd,
                terminal: inputs.terminal,
                hostname: None,
                rootless: inputs.rootless.map(runtime::Rootless::from),
                steering_labels: inputs.steering_labels,
            },
        )?;
        Ok(RuntimeConfig { json: converted.json.into_bytes(), withheld: converted.withheld })
    }
}

impl From<Mappings> for runtime::Rootless {
    fn from(mappings: Mappings) -> Self {
        let range = |mapping: Mapping| runtime::Mapping {
            container: mapping.container,
            host: mapping.host,
            size: mapping.size,
        };
        Self {
            uids: mappings.uids.into_iter().map(range).collect(),
            gids: mappings.gids.into_iter().map(range).collect(),
        }
    }
}
