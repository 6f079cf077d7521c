//! Which platform runs images of which other (L-12, L-13).

use super::Platform;
use std::cmp::Ordering;

/// Whether a machine of platform `wanted` runs images of platform `candidate`.
#[must_use]
pub fn matches(wanted: &Platform, candidate: &Platform) -> bool {
    Fit::of(&wanted.normalize(), &candidate.normalize()).is_some()
}

/// Whether `candidate` is what `wanted` names, not merely something that it runs.
///
/// As with [`matches`], a wanted platform without a version takes any version, and the features of the candidate are
/// among those of the wanted platform.
#[must_use]
pub fn matches_exactly(wanted: &Platform, candidate: &Platform) -> bool {
    Fit::of(&wanted.normalize(), &candidate.normalize()).is_some_and(|fit| fit.rung == 0)
}

/// How well a candidate fits one wanted platform. The greatest is the best.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    rung: usize,
    features: usize,
    version: [u32; 4],
}

impl Fit {
    /// The fit of a normalized candidate to a normalized wanted platform, or nothing when it does not run there.
    pub(super) fn of(wanted: &Platform, candidate: &Platform) -> Option<Self> {
        if candidate.is_unknown() || candidate.os.is_empty() || wanted.os != candidate.os {
            return None;
        }
        if !candidate.os_features.iter().all(|feature| has_feature(wanted, feature)) {
            return None;
        }
        let variant = candidate.variant.as_deref();
        let architecture = candidate.architecture.as_str();
        let rung =
            ladder(wanted).iter().position(|(name, step)| *name == architecture && step.as_deref() == variant)?;
        // Elsewhere the format of os.version is implementation defined (L-04): nothing can be said, nothing is refused.
        let version = if wanted.os == "windows" { windows_version(wanted, candidate)? } else { [0; 4] };
        Some(Self { rung, features: candidate.os_features.len(), version })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let key = |fit: &Self| (std::cmp::Reverse(fit.rung), fit.features, fit.version);
        key(self).cmp(&key(other))
    }
}

fn has_feature(wanted: &Platform, feature: &String) -> bool {
    // Nobody writes win32k into the description of a Windows host, though nearly every one has it; containerd ignores it.
    (wanted.os == "windows" && feature == "win32k") || wanted.os_features.contains(feature)
}

/// The architectures and variants that a normalized platform runs, best first; the first is its own.
fn ladder(wanted: &Platform) -> Vec<(&str, Option<String>)> {
    let own = (wanted.architecture.as_str(), wanted.variant.clone());
    let variant = wanted.variant.as_deref();
    let mut steps = vec![own];
    match wanted.architecture.as_str() {
        "amd64" => {
            if let Some(level) = variant.and_then(|variant| number(variant, "v")) {
                steps.extend((2..level).rev().map(|level| ("amd64", Some(format!("v{level}")))));
                steps.push(("amd64", None));
            }
            steps.push(("386", None));
        }
        "arm" => steps.extend(arm(variant.and_then(|variant| number(variant, "v")).unwrap_or(0))),
        "arm64" => {
            if let Some((major, minor)) = arm64_version(variant.unwrap_or("v8")) {
                let minors = |major: u32, up_to: u32| {
                    (0..=up_to).rev().map(move |minor| match (major, minor) {
                        (8, 0) => ("arm64", None),
                        (_, 0) => ("arm64", Some(format!("v{major}"))),
                        _ => ("arm64", Some(format!("v{major}.{minor}"))),
                    })
                };
                steps.extend(minors(major, minor));
                if major == 9 {
                    // "Armv9.0-A is Armv8.5-A and more": 9.x contains 8.(x+5), of which 8.9 is the last.
                    steps.extend(minors(8, (minor + 5).min(9)));
                }
                steps.push(("arm", Some("v8".to_owned())));
                steps.extend(arm(8));
            }
        }
        "ppc64le" => {
            if let Some(level) = variant.and_then(|variant| number(variant, "power")) {
                steps.extend((8..level).rev().map(|level| ("ppc64le", Some(format!("power{level}")))));
                steps.push(("ppc64le", None));
            }
        }
        "riscv64" => {
            if let Some(year) = variant.and_then(|variant| number(variant.strip_suffix("u64")?, "rva")) {
                let lower = [23, 22, 20].into_iter().filter(|profile| *profile < year);
                steps.extend(lower.map(|profile| ("riscv64", Some(format!("rva{profile}u64")))));
                steps.push(("riscv64", None));
            }
        }
        _ => {}
    }
    steps
}

fn arm<'a>(below: u32) -> impl Iterator<Item = (&'a str, Option<String>)> {
    (5..below).rev().map(|version| ("arm", Some(format!("v{version}"))))
}

/// A decimal number of at most two digits after a prefix: a wanted variant must not make a ladder long.
fn number(text: &str, prefix: &str) -> Option<u32> {
    let digits = text.strip_prefix(prefix)?;
    let decimal = digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| decimal)
}

fn arm64_version(variant: &str) -> Option<(u32, u32)> {
    let (major, minor) = variant.split_once('.').unwrap_or((variant, "0"));
    Some((number(major, "v").filter(|major| matches!(major, 8 | 9))?, number(minor, "")?))
}

/// The first build of each long-term release from 2022 on, from which later hosts run older images.
const LONG_TERM_BUILDS: [u32; 2] = [20348, 26100];

/// The version of a Windows image for the order, or nothing when the wanted version does not run it.
fn windows_version(wanted: &Platform, candidate: &Platform) -> Option<[u32; 4]> {
    let (Some(host), Some(image)) = (wanted.os_version.as_deref().and_then(numbers), candidate.os_version.as_deref())
    else {
        return Some([0; 4]);
    };
    let image = numbers(image)?;
    let ([major, minor, build, _], [_, _, host_build, _]) = (image, host);
    if [major, minor] != [host[0], host[1]] {
        return None;
    }
    let oldest = match host_build {
        ..20348 => host_build,
        _ => {
            LONG_TERM_BUILDS.into_iter().rev().find(|long_term| *long_term < host_build).unwrap_or(LONG_TERM_BUILDS[0])
        }
    };
    (oldest..=host_build).contains(&build).then_some(image)
}

/// Major, minor, build and, where it is given, revision.
fn numbers(version: &str) -> Option<[u32; 4]> {
    let mut parts = version.split('.');
    let mut next = || parts.next()?.parse::<u32>().ok();
    Some([next()?, next()?, next()?, next().unwrap_or(0)])
}
