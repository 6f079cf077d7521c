//! The date-times of RFC 3339 section 5.6.

/// Whether a text is a date-time of RFC 3339: a date that exists, a time, and an offset.
///
/// ```
/// use portolan_image::config::is_date_time;
/// assert!(is_date_time("2015-10-31T22:22:56.015925234Z"));
/// assert!(!is_date_time("2015-02-29T22:22:56Z"));
/// ```
#[must_use]
pub fn is_date_time(text: &str) -> bool {
    parse(text.as_bytes()).is_some()
}

fn parse(text: &[u8]) -> Option<()> {
    let (date, rest) = text.split_at_checked(10)?;
    let year = number(date.get(..4)?)?;
    let (month, day) = (number(date.get(5..7)?)?, number(date.get(8..)?)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => return None,
    };
    let is_date = date.get(4) == Some(&b'-') && date.get(7) == Some(&b'-') && (1..=days).contains(&day);
    let (mark, rest) = rest.split_first()?;
    let (time, rest) = rest.split_at_checked(8)?;
    let seconds = number(time.get(6..)?)?;
    // RFC 3339 section 5.6: 60 stands for a leap second.
    let is_time = matches!(mark, b'T' | b't') && clock(time.get(..5)?)? && time.get(5) == Some(&b':') && seconds <= 60;
    let offset = match rest.split_first()? {
        (b'.', fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            fraction.get(digits..)?
        }
        _ => rest,
    };
    let is_offset = match offset.split_first()? {
        (b'Z' | b'z', []) => true,
        (b'+' | b'-', hours) => clock(hours)?,
        _ => false,
    };
    (is_date && is_time && is_offset).then_some(())
}

/// Whether a text is hours and minutes.
fn clock(text: &[u8]) -> Option<bool> {
    let is_shaped = text.len() == 5 && text.get(2) == Some(&b':');
    Some(is_shaped && number(text.get(..2)?)? < 24 && number(text.get(3..)?)? < 60)
}

fn number(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_05_only_date_times_of_rfc_3339_are_accepted() {
        for text in ["0001-01-01T00:00:00Z", "2024-02-29t23:59:60z", "2016-10-10T23:04:00.5+05:30"] {
            assert!(is_date_time(text), "{text}");
        }
        let wrong = [
            "",
            "2015-10-31",
            "2015-10-31T22:22:56",
            "2015-10-31 22:22:56Z",
            "2015-13-01T00:00:00Z",
            "2015-00-01T00:00:00Z",
            "2015-04-31T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2015-10-31T24:00:00Z",
            "2015-10-31T22:22:56.Z",
            "2015-10-31T22:22:56ZZ",
            "2015-10-31T22:22:56+0530",
            "2015-10-31T22:22:56+24:00",
            "+015-10-31T22:22:56Z",
            "2015-10-31T22:22:5éZ",
        ];
        for text in wrong {
            assert!(!is_date_time(text), "{text}");
        }
    }
}
