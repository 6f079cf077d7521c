//! Lists of tags and of repositories, page by page (spec.md#listing-tags).

use super::Result;
use super::query::Query;
use super::refusal::{Code, Refusal, quote};
use crate::http::encode;
use portolan_image::json::Value;

/// What a page of a list holds, and how the next one is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The body; its content type is [`super::refusal::JSON`].
    pub body: Vec<u8>,
    /// The value of `Link`, when there is more (W-04).
    pub link: Option<String>,
}

/// The most that one page holds when nobody asks for less.
const MOST: usize = 10_000;

/// The tags of a repository after `last`, at most `n` (W-01 to W-05).
///
/// `tags` are in ASCII order (W-02) without duplicates. A `last` that is no tag of the repository is a place in that
/// order all the same, so that paging goes on when a tag was deleted meanwhile.
///
/// # Errors
/// [`Code::Unsupported`] with status 400 when `n` is no number.
pub fn tags<'a>(name: &str, tags: impl Iterator<Item = &'a str>, query: &Query) -> Result<Page> {
    let path = format!("/v2/{name}/tags/list");
    page(&path, vec![("name".to_owned(), Value::String(name.to_owned()))], "tags", tags, query)
}

/// The repositories after `last`, at most `n`, as Docker's registry lists them.
///
/// # Errors
/// [`Code::Unsupported`] with status 400 when `n` is no number.
pub fn catalog<'a>(names: impl Iterator<Item = &'a str>, query: &Query) -> Result<Page> {
    page("/v2/_catalog", Vec::new(), "repositories", names, query)
}

fn page<'a>(
    path: &str,
    mut members: Vec<(String, Value)>,
    member: &str,
    all: impl Iterator<Item = &'a str>,
    query: &Query,
) -> Result<Page> {
    let asked = match query.value("n") {
        None | Some("") => None,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(text.parse().unwrap_or(usize::MAX)),
        Some(text) => {
            let message = format!("n is how many tags are wanted, not {}", quote(text));
            return Err(Refusal::new(Code::Unsupported, message).with_status(400));
        }
    };
    let most = asked.unwrap_or(MOST).min(MOST);
    let last = query.value("last").unwrap_or_default();
    let mut after = all.filter(|item| last.is_empty() || *item > last);
    let shown: Vec<&str> = after.by_ref().take(most).collect();
    let has_more = most > 0 && after.next().is_some();
    // W-03: n=0 has no Link.
    let link = shown.last().filter(|_| has_more).map(|last| {
        let n = asked.map_or_else(String::new, |_| format!("n={most}&"));
        format!("<{path}?{n}last={}>; rel=\"next\"", encode(last))
    });
    members
        .push((member.to_owned(), Value::Array(shown.iter().map(|item| Value::String((*item).to_owned())).collect())));
    Ok(Page { body: Value::Object(members).to_bytes(), link })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> (String, Option<String>) {
        let page = tags("a/b", ["A", "_", "a", "b", "c"].into_iter(), &Query::parse(query)).unwrap();
        (String::from_utf8(page.body).unwrap(), page.link)
    }

    #[test]
    fn w_03_a_page_has_n_tags_and_a_link_when_there_are_more() {
        assert_eq!(list(""), (r#"{"name":"a/b","tags":["A","_","a","b","c"]}"#.to_owned(), None));
        let link = |link: &str| Some(format!("</v2/a/b/tags/list?{link}>; rel=\"next\""));
        assert_eq!(list("n=2"), (r#"{"name":"a/b","tags":["A","_"]}"#.to_owned(), link("n=2&last=_")));
        assert_eq!(list("n=2&last=_"), (r#"{"name":"a/b","tags":["a","b"]}"#.to_owned(), link("n=2&last=b")));
        assert_eq!(list("n=2&last=b"), (r#"{"name":"a/b","tags":["c"]}"#.to_owned(), None));
        assert_eq!(list("n=5").1, None);
        assert_eq!(list("n=0"), (r#"{"name":"a/b","tags":[]}"#.to_owned(), None));
        assert_eq!(list("n=99999999999999999999999").1, None);
    }

    #[test]
    fn w_05_last_is_a_place_even_when_its_tag_is_gone() {
        assert_eq!(list("last=aa").0, r#"{"name":"a/b","tags":["b","c"]}"#);
        assert_eq!(list("last=z").0, r#"{"name":"a/b","tags":[]}"#);
    }

    #[test]
    fn n_is_a_number() {
        for n in ["-1", "x", "1.5", "+1"] {
            assert_eq!(tags("a", [].into_iter(), &Query::parse(&format!("n={n}"))).unwrap_err().status, 400);
        }
    }
}
