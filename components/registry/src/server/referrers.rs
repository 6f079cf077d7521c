//! The list of what refers to a manifest (spec.md#listing-referrers).

use super::Result;
use super::query::Query;
use super::refusal::{Code, Refusal, quote};
use crate::http::encode;
use portolan_image::Digest;
use portolan_image::json::Value;

/// A page of the list. Its content type is that of an index, exactly (W-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The index.
    pub body: Vec<u8>,
    /// The value of `Link`, when there is more (W-12).
    pub link: Option<String>,
    /// The value of `OCI-Filters-Applied`, when something was asked for (W-13).
    pub filters: Option<&'static str>,
}

/// The content type of a page.
pub const CONTENT_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// The bytes that the descriptors of one page may have: an index should have less than 4 MiB (J-07).
pub const PAGE_BYTES: usize = 3 << 20;

/// The page of the referrers of `subject` that a query asks for.
///
/// `referrers` are descriptors ([`super::Pushed::referrer`]) in an order that stays. A page ends when the next descriptor
/// would make it larger than `page_bytes`; where it ends stands in the link as a digest, so a page is what it was when
/// referrers are pushed or deleted meanwhile.
///
/// # Errors
/// [`Code::Unsupported`] with status 400 when the place to go on from is none.
pub fn page<'a>(
    name: &str,
    subject: &Digest,
    referrers: impl Iterator<Item = &'a Value>,
    query: &Query,
    page_bytes: usize,
) -> Result<Page> {
    let wanted: Vec<&str> = query.values("artifactType").filter(|text| !text.is_empty()).collect();
    let digest_of = |referrer: &'a Value| referrer.member("digest").and_then(Value::as_str).unwrap_or_default();
    let is_wanted = |referrer: &&Value| {
        let found = referrer.member("artifactType").and_then(Value::as_str);
        wanted.is_empty() || found.is_some_and(|found| wanted.contains(&found))
    };
    let after = query.value("last").filter(|text| !text.is_empty());
    if let Some(text) = after
        && text.parse::<Digest>().is_err()
    {
        let message = format!("last is the digest that a Link gave, not {}", quote(text));
        return Err(Refusal::new(Code::Unsupported, message).with_status(400));
    }
    let mut shown: Vec<Value> = Vec::new();
    let (mut bytes, mut link) = (0, None);
    for referrer in referrers.filter(is_wanted).filter(|referrer| after.is_none_or(|after| digest_of(referrer) > after))
    {
        let size = referrer.to_bytes().len() + 1;
        if let Some(last) = shown.last()
            && bytes + size > page_bytes
        {
            let last = last.member("digest").and_then(Value::as_str).unwrap_or_default();
            let filters: String = wanted.iter().map(|wanted| format!("artifactType={}&", encode(wanted))).collect();
            link = Some(format!("</v2/{name}/referrers/{subject}?{filters}last={}>; rel=\"next\"", encode(last)));
            break;
        }
        bytes += size;
        shown.push(referrer.clone());
    }
    let members = [
        ("schemaVersion", Value::Unsigned(2)),
        ("mediaType", Value::String(CONTENT_TYPE.to_owned())),
        ("manifests", Value::Array(shown)),
    ];
    let body = Value::Object(members.map(|(name, value)| (name.to_owned(), value)).to_vec()).to_bytes();
    Ok(Page { body, link, filters: (!wanted.is_empty()).then_some("artifactType") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_image::{Algorithm, Descriptor, MediaType};

    fn referrers() -> Vec<Value> {
        (0..6_u8)
            .map(|number| {
                let digest = Digest::from_hash(Algorithm::Sha256, &[number; 32]);
                let mut descriptor = Descriptor::new(MediaType::ImageManifest, digest, u64::from(number));
                descriptor.artifact_type =
                    (number > 0).then(|| MediaType::parse(["a/x+1", "a/y"][usize::from(number) % 2]).unwrap());
                descriptor.to_value()
            })
            .collect()
    }

    fn sizes(page: &Page) -> Vec<u64> {
        let limits = portolan_image::Limits::default();
        let index = portolan_image::Index::parse(&page.body, &limits).unwrap();
        index.manifests.iter().map(|manifest| manifest.size).collect()
    }

    fn list(query: &str, page_bytes: usize) -> Page {
        let (subject, all) = (Descriptor::empty().digest, referrers());
        page("a/b", &subject, all.iter(), &Query::parse(query), page_bytes).unwrap()
    }

    #[test]
    fn w_10_a_list_may_be_empty() {
        let page = page("a", &Descriptor::empty().digest, [].iter(), &Query::default(), 0).unwrap();
        assert_eq!((sizes(&page), page.link, page.filters), (vec![], None, None));
    }

    #[test]
    fn w_12_pages_follow_each_other_and_lose_nothing() {
        for filter in ["", "artifactType=a/x%2B1", "artifactType=a/x+1&artifactType=a/y"] {
            let whole = sizes(&list(filter, usize::MAX));
            for page_bytes in [0, 200, 400, 1000] {
                let (mut seen, mut query) = (Vec::new(), filter.to_owned());
                loop {
                    let page = list(&query, page_bytes);
                    seen.extend(sizes(&page));
                    let Some(link) = page.link else { break };
                    query = link.split_once('?').unwrap().1.split_once('>').unwrap().0.to_owned();
                }
                assert_eq!(seen, whole, "{filter} {page_bytes}");
            }
        }
    }

    #[test]
    fn w_13_a_filter_is_named_when_it_was_applied() {
        let page = list("artifactType=a/x+1", usize::MAX);
        assert_eq!((sizes(&page), page.filters), (vec![2, 4], Some("artifactType")));
        assert_eq!(sizes(&list("artifactType=a/none", usize::MAX)), [0; 0]);
        assert_eq!(list("", usize::MAX).filters, None);
    }
}
