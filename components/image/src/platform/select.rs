//! The best of several images for the platforms asked for.

use super::Platform;
use super::compatibility::Fit;
use crate::error::{Error, Result};
use crate::sort::positions;

/// The positions of the candidates that run on one of the wanted platforms, best first.
///
/// An earlier wanted platform goes before a later one; for one wanted platform its own variant goes before the variants
/// that it merely runs, then more features before fewer, then (on Windows) the higher version. Among equals the first
/// one wins (I-07). A candidate that does not state a platform (`None`) comes after all that do, because nothing speaks
/// against it either (L-01). `unknown/unknown` never comes (L-14).
#[must_use]
pub fn order(candidates: &[Option<&Platform>], wanted: &[Platform]) -> Vec<usize> {
    let wanted: Vec<_> = wanted.iter().map(Platform::normalize).collect();
    let mut fits = Vec::new();
    for (position, candidate) in candidates.iter().enumerate() {
        let Some(candidate) = candidate.map(Platform::normalize) else { continue };
        let fit = wanted.iter().enumerate().find_map(|(choice, wanted)| Some((choice, Fit::of(wanted, &candidate)?)));
        fits.extend(fit.map(|(choice, fit)| (choice, fit, position)));
    }
    let order = positions(fits.len(), &mut |one, other| {
        let ((choice, fit, _), (other_choice, other, _)) = (&fits[one], &fits[other]);
        choice.cmp(other_choice).then(other.compare(fit))
    });
    let unstated = candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_none());
    order.into_iter().map(|place| fits[place].2).chain(unstated.map(|(position, _)| position)).collect()
}

/// The position of the best candidate for the wanted platforms, which are in the order of preference.
///
/// # Errors
/// [`Error::PlatformNotFound`] with what there is, when none of them runs.
pub fn select(candidates: &[Option<&Platform>], wanted: &[Platform]) -> Result<usize> {
    order(candidates, wanted).first().copied().ok_or_else(|| {
        let available = candidates.iter().flatten().filter(|candidate| !candidate.is_unknown());
        Error::PlatformNotFound {
            wanted: wanted.iter().map(ToString::to_string).collect(),
            available: available.map(ToString::to_string).collect(),
        }
    })
}

/// The platform to want when none was asked for: the host itself, or Linux on the host's architecture when there is
/// nothing for the host's operating system.
///
/// Images for Linux are what people mean on a Mac as well.
#[must_use]
pub fn default_wanted(host: &Platform, available: &[Platform]) -> Platform {
    let host = host.normalize();
    if host.os == "linux" || available.iter().any(|platform| platform.normalize().os == host.os) {
        return host;
    }
    Platform { os: "linux".to_owned(), os_version: None, os_features: Vec::new(), ..host }
}
