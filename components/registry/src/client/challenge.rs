//! What a registry answers with 401: how it wants to be asked (RFC 9110 section 11.6; H-02, H-03).

use crate::http::word;

/// One way to authenticate that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// In lower case: `basic`, `bearer`.
    pub scheme: String,
    /// Names in lower case.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Parses the value of one `WWW-Authenticate` header, which may hold several challenges; nothing where it obeys no
    /// grammar.
    #[must_use]
    pub fn parse(header: &str) -> Option<Vec<Self>> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = header.trim();
        while !rest.is_empty() {
            let (name, after) = name(rest)?;
            let after_space = after.trim_start();
            match (after_space.strip_prefix('='), challenges.last_mut()) {
                // A parameter of the challenge before.
                (Some(value), Some(challenge)) => {
                    let (value, after) = parameter(value.trim_start())?;
                    challenge.parameters.push((name, value));
                    rest = after.trim_start();
                }
                (Some(_), None) => return None,
                (None, _) => {
                    challenges.push(Self { scheme: name, parameters: Vec::new() });
                    rest = after_space;
                    // What follows a scheme directly is its first parameter, or the next challenge after a comma.
                    if !rest.is_empty() && !rest.starts_with(',') {
                        continue;
                    }
                }
            }
            rest = match rest.strip_prefix(',') {
                Some(after) => after.trim_start_matches([',', ' ', '\t']),
                None if rest.is_empty() => rest,
                None => return None,
            };
        }
        Some(challenges)
    }

    /// A parameter by its name in lower case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A scheme or the name of a parameter; some servers quote them.
fn name(text: &str) -> Option<(String, &str)> {
    if text.starts_with('"') {
        return word(text).map(|(name, rest)| (name.to_ascii_lowercase(), rest));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_ascii_lowercase(), &text[end..]))
}

fn parameter(text: &str) -> Option<(String, &str)> {
    word(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// H-03.
    #[test]
    fn challenges_are_read_as_others_read_them() {
        let text = include_str!("../../../../tests/fixtures/vectors/auth-challenges.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        for case in vectors["cases"].as_array().unwrap() {
            let expected = case.get("challenges").map(|challenges| {
                let challenges = challenges.as_array().unwrap().iter();
                challenges
                    .map(|challenge| {
                        let mut parameters: Vec<(String, String)> = challenge["params"]
                            .as_object()
                            .unwrap()
                            .iter()
                            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                            .collect();
                        parameters.sort();
                        Challenge { scheme: challenge["scheme"].as_str().unwrap().to_owned(), parameters }
                    })
                    .collect::<Vec<_>>()
            });
            let mut found = Challenge::parse(case["header"].as_str().unwrap());
            found.iter_mut().flatten().for_each(|challenge| challenge.parameters.sort());
            assert_eq!(found, expected, "{}", case["name"]);
        }
    }
}
