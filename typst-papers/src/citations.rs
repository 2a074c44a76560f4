//! The entries of a bibliography, as a person or a literature source confirms them.

use std::ops::Range;

use rescience_digest::Digest;

/// One entry of a bibliography.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key that texts cite.
    pub key: String,
    /// The DOI, such as `10.48550/arXiv.2201.02177`.
    pub doi: Option<String>,
    /// The arXiv id, such as `2201.02177`.
    pub arxiv: Option<String>,
    /// BLAKE3 over what the entry says; spacing, order and case of field names do not enter.
    pub digest: Digest,
    /// The bytes of the file where the key stands.
    pub span: Range<usize>,
}

/// The entries of a BibTeX file in its order.
///
/// # Errors
/// The first place that is not BibTeX: what was expected, and the bytes where.
pub fn entries(text: &str) -> Result<Vec<Entry>, (String, Range<usize>)> {
    let parsed = biblatex::RawBibliography::parse(text)
        .map_err(|error| (error.kind.to_string(), error.span))?;
    let resolved = biblatex::Bibliography::from_raw(parsed.clone())
        .map_err(|error| (error.kind.to_string(), error.span))?;
    let mut entries = Vec::new();
    for raw in &parsed.entries {
        let key = raw.v.key.v.to_owned();
        let Some(entry) = resolved.get(&key) else { continue };
        let field = |name: &str| {
            let chunks = entry.fields.get(name)?;
            let text: String = chunks.iter().map(|chunk| chunk.v.get()).collect();
            Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let eprint = field("eprint").filter(|_| {
            let kind = field("eprinttype").or_else(|| field("archiveprefix"));
            kind.is_none_or(|kind| kind.eq_ignore_ascii_case("arxiv"))
        });
        let mut said = format!("{}\n{key}\n", entry.entry_type);
        for name in entry.fields.keys() {
            let value = field(name).unwrap_or_default();
            // Lengths keep names and values apart.
            said.push_str(&format!("{} {} {name} {value}\n", name.len(), value.len()));
        }
        entries.push(Entry {
            doi: field("doi").map(|doi| bare(&doi, "doi.org/")),
            arxiv: eprint.map(|id| bare(&id, "arxiv.org/abs/")).or_else(|| {
                ["journal", "journaltitle", "note", "url"]
                    .into_iter()
                    .find_map(|name| mentioned(&field(name)?))
            }),
            digest: Digest::of(said.as_bytes()),
            span: raw.v.key.span.clone(),
            key,
        });
    }
    Ok(entries)
}

/// The arXiv id that a field mentions, as `arXiv:2201.02177` or as an address.
fn mentioned(text: &str) -> Option<String> {
    let (_, after) = text.split_once("arXiv:").or_else(|| text.split_once("arxiv.org/abs/"))?;
    let id: String = after
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-'))
        .collect();
    (!id.is_empty()).then(|| id.trim_end_matches('.').to_owned())
}

/// An identifier without the address in front.
fn bare(id: &str, address: &str) -> String {
    id.rsplit_once(address).map_or(id, |(_, id)| id).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_and_order_do_not_change_what_an_entry_says() {
        let one = "@article{a, title = {On  this}, doi = {https://doi.org/10.1/x}, year = 2020}";
        let two = "@article{a,\n  YEAR = {2020},\n  doi = {https://doi.org/10.1/x},\n  title = {On this},\n}";
        let (one, two) = (entries(one).unwrap(), entries(two).unwrap());
        assert_eq!(one[0].digest, two[0].digest);
        assert_eq!(one[0].doi.as_deref(), Some("10.1/x"));
        let other = entries("@article{a, title = {On that}, year = 2020}").unwrap();
        assert_ne!(one[0].digest, other[0].digest);
    }

    #[test]
    fn an_arxiv_id_may_stand_where_people_put_it() {
        let text = "@article{a, journal = {arXiv preprint arXiv:2201.02177}}
            @misc{b, url = {https://arxiv.org/abs/1711.05101v2}}";
        let found = entries(text).unwrap();
        assert_eq!(found[0].arxiv.as_deref(), Some("2201.02177"));
        assert_eq!(found[1].arxiv.as_deref(), Some("1711.05101v2"));
    }

    #[test]
    fn an_eprint_is_an_arxiv_id_unless_it_says_otherwise() {
        let text = "@misc{a, eprint = {2201.02177}, archiveprefix = {arXiv}}
            @misc{b, eprint = {17}, eprinttype = {pubmed}}";
        let found = entries(text).unwrap();
        assert_eq!(found[0].arxiv.as_deref(), Some("2201.02177"));
        assert_eq!(found[1].arxiv, None);
        assert_eq!(&text[found[1].span.clone()], "b");
    }
}
