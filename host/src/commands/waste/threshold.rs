//! How much waste is too much, as the command line takes it.

use std::str::FromStr;

/// How much may be wasted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wasted {
    /// Of what is stored, from 0 to 100.
    Percent(f64),
    Bytes(u64),
}

impl FromStr for Wasted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(number) = text.strip_suffix('%') {
            return percent(number).map(Self::Percent);
        }
        let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "t" | "tib" => 1 << 40,
            _ => return Err(format!("{unit:?} is no unit: there are %, kB, MB, GB, TB and K, M, G, T")),
        };
        let wrong = || format!("{text:?} is neither a percentage such as 5% nor a size such as 20MB");
        if let Ok(number) = number.parse::<u64>() {
            return number.checked_mul(factor).map(Self::Bytes).ok_or_else(wrong);
        }
        let bytes = number.parse::<f64>().map_err(|_| wrong())? * factor as f64;
        if bytes < u64::MAX as f64 { Ok(Self::Bytes(bytes as u64)) } else { Err(wrong()) }
    }
}

/// The least efficiency, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Efficiency(pub(super) f64);

impl FromStr for Efficiency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(number) = text.strip_suffix('%') {
            return percent(number).map(|percent| Self(percent / 100.0));
        }
        match text.parse() {
            Ok(number) if (0.0..=1.0).contains(&number) => Ok(Self(number)),
            _ => Err(format!("{text:?} is no number from 0 to 1 and no percentage")),
        }
    }
}

fn percent(number: &str) -> Result<f64, String> {
    match number.trim().parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err(format!("{number:?} is no number from 0 to 100")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_percentages_or_sizes() {
        for (text, threshold) in [
            ("5%", Wasted::Percent(5.0)),
            ("0.5 %", Wasted::Percent(0.5)),
            ("0", Wasted::Bytes(0)),
            ("20MB", Wasted::Bytes(20_000_000)),
            ("20M", Wasted::Bytes(20 << 20)),
            ("1.5kB", Wasted::Bytes(1500)),
            ("1 GiB", Wasted::Bytes(1 << 30)),
        ] {
            assert_eq!(text.parse(), Ok(threshold), "{text}");
        }
        for text in ["", "%", "101%", "-1%", "NaN%", "-1", "5 apples", "1.2.3", "99999999T", "MB"] {
            assert!(text.parse::<Wasted>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_efficiency_is_a_part_of_one() {
        assert_eq!("0.95".parse(), Ok(Efficiency(0.95)));
        assert_eq!("50%".parse(), Ok(Efficiency(0.5)));
        for text in ["95", "-0.1", "NaN", "", "most"] {
            assert!(text.parse::<Efficiency>().is_err(), "{text}");
        }
    }
}
