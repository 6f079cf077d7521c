//! The interface `platform`.

use crate::Component;
use crate::bindings::exports::portolan::image::platform::Guest;
use crate::bindings::exports::portolan::image::types::Platform;
use crate::types::Result;
use portolan_image::platform;

impl Guest for Component {
    fn parse(text: String, host: Platform) -> Result<Platform> {
        Ok(platform::Platform::parse(&text, &host.into())?.into())
    }

    fn normalize(platform: Platform) -> Platform {
        platform::Platform::from(platform).normalize().into()
    }

    fn format(platform: Platform) -> String {
        platform::Platform::from(platform).to_string()
    }

    fn matches(wanted: Platform, candidate: Platform) -> bool {
        platform::matches(&wanted.into(), &candidate.into())
    }

    fn select(candidates: Vec<Option<Platform>>, wanted: Vec<Platform>) -> Result<u32> {
        let candidates: Vec<_> =
            candidates.into_iter().map(|candidate| candidate.map(platform::Platform::from)).collect();
        let candidates: Vec<_> = candidates.iter().map(Option::as_ref).collect();
        let wanted: Vec<_> = wanted.into_iter().map(platform::Platform::from).collect();
        Ok(u32::try_from(platform::select(&candidates, &wanted)?).unwrap_or(u32::MAX))
    }

    fn default_wanted(host: Platform, available: Vec<Platform>) -> Platform {
        let available: Vec<_> = available.into_iter().map(platform::Platform::from).collect();
        platform::default_wanted(&host.into(), &available).into()
    }
}

impl From<Platform> for platform::Platform {
    fn from(platform: Platform) -> Self {
        Self {
            os: platform.os,
            architecture: platform.architecture,
            variant: platform.variant,
            os_version: platform.os_version,
            os_features: platform.os_features,
        }
    }
}

impl From<platform::Platform> for Platform {
    fn from(platform: platform::Platform) -> Self {
        Self {
            os: platform.os,
            architecture: platform.architecture,
            variant: platform.variant,
            os_version: platform.os_version,
            os_features: platform.os_features,
        }
    }
}
