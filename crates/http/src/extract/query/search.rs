//! The parameters of a search.

use chinwag_core::app::search::{Content, Search};
use chinwag_core::limits::QUERY_CHARS;
use chinwag_core::search::SearchQuery;
use chinwag_core::{Date, Error, Name, Result};

use super::Query;

/// The default page size.
const HITS: usize = 20;
/// The maximum page size.
const HITS_PAGE: usize = 100;

impl Query {
    /// The search text.
    pub(crate) fn searched(&self) -> Result<&str> {
        let text = self.text("q", QUERY_CHARS)?;
        text.ok_or_else(|| Error::field("q", "must contain a word to search for"))
    }

    /// The first page of a message search. `None` if a given author or group cannot exist.
    pub(crate) fn search(&self) -> Result<Option<Search>> {
        let query = SearchQuery::parse(self.searched()?).map_err(|why| Error::field("q", why))?;
        let has = match self.get("has")? {
            None => None,
            Some("file") => Some(Content::File),
            Some("image") => Some(Content::Image),
            Some("link") => Some(Content::Link),
            Some(_) => return Err(Error::field("has", "must be file, link or image")),
        };
        let mentions_me = match self.get("mentions")? {
            None => false,
            Some("me") => true,
            Some(_) => return Err(Error::field("mentions", "must be me, or omitted")),
        };
        let (before, after) = (self.date("before")?, self.date("after")?);
        let limit = self.limit(HITS_PAGE)?.unwrap_or(HITS);
        let group = self.get("group")?.map(str::parse).transpose();
        let author = self.get("author")?.map(Name::parse).transpose();
        let (Ok(group), Ok(author)) = (group, author) else { return Ok(None) };
        Ok(Some(Search { group, author, before, after, has, mentions_me, ..Search::new(query, limit) }))
    }

    fn date(&self, key: &'static str) -> Result<Option<Date>> {
        let Some(text) = self.get(key)? else { return Ok(None) };
        // An unescaped `+` arrives as a space.
        let date = Date::parse(&text.replace(' ', "+"));
        date.map(Some).map_err(|_| Error::field(key, "must be a date like 2024-05-12T10:29:16.000949Z"))
    }
}
