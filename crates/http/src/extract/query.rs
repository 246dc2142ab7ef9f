//! Query parameters. Unknown keys are ignored; a known one may be given once.

mod audit;
mod feed;
mod recent;
mod search;

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chinwag_core::app::message::Point;
use chinwag_core::limits::{GROUP_NAME_CHARS, IDS_PAGE, LIST_PAGE, NAME_CHARS, NAMES_PAGE};
use chinwag_core::permission::Role;
use chinwag_core::store::Edge;
use chinwag_core::text::NUL;
use chinwag_core::{Date, Error, MessageId, Name, Result, Seq};

use crate::admission::RequestInFlight;
use crate::error::Problem;
use crate::extract::path::PathValue;
use crate::wire::entry::role;
use crate::wire::fields::{FieldNames, SelectedFields};

/// A request's query.
pub(crate) struct Query {
    /// The path of the request.
    pub path: String,
    /// The request in flight, whose permit is held while the response is written.
    pub under_way: Option<RequestInFlight>,
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            path: parts.uri.path().to_owned(),
            under_way: parts.extensions.get::<RequestInFlight>().cloned(),
            pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        })
    }
}

impl Query {
    /// The requested fields.
    pub(crate) fn fields(&self, known: &'static FieldNames) -> Result<SelectedFields> {
        SelectedFields::parse(known, self.get("fields")?)
    }

    /// The page size of a list, or `None` if the list is not paged.
    pub(crate) fn list_limit(&self) -> Result<Option<usize>> {
        self.limit(LIST_PAGE)
    }

    /// A number from 1 to `most`, if given.
    pub(crate) fn limit(&self, most: usize) -> Result<Option<usize>> {
        let Some(text) = self.get("limit")? else { return Ok(None) };
        let limit = digits(text).and_then(|number| usize::try_from(number).ok());
        let limit = limit.filter(|limit| (1..=most).contains(limit));
        limit.map(Some).ok_or_else(|| Error::field("limit", format!("must be a number from 1 to {most}")))
    }

    /// A point in a group's log, given as a number or a date.
    pub(crate) fn point(&self, key: &'static str) -> Result<Option<Point>> {
        let Some(text) = self.get(key)? else { return Ok(None) };
        if let Some(seq) = digits(text) {
            return Ok(Some(Point::Seq(Seq(seq))));
        }
        // An unescaped `+` arrives as a space: `…T10:29:16 02:00`.
        let text = if text.contains('T') { Cow::Owned(text.replace(' ', "+")) } else { Cow::Borrowed(text) };
        let refused = |_| Error::field(key, "must be a seq, or a date like 2024-05-12T10:29:16.000949Z");
        Date::parse(&text).map(|date| Some(Point::Date(date))).map_err(refused)
    }

    /// The names in `names`, separated by commas, and in `name`, which may contain commas; each may be repeated.
    /// `None` without either. Texts that are not valid names are skipped, since no user can have them.
    pub(crate) fn names(&self) -> Result<Option<Vec<Name>>> {
        let has = |keys: &[&str]| self.pairs.iter().any(|(key, _)| keys.contains(&key.as_str()));
        if !has(&["names", "name"]) {
            return Ok(None);
        }
        if has(&["limit", "cursor", "q"]) {
            return Err(Error::field("names", "returns a single list: omit limit, cursor and q"));
        }
        let mut names = Vec::new();
        for (key, value) in &self.pairs {
            match key.as_str() {
                "names" => names.extend(value.split(',').filter(|name| !name.is_empty())),
                "name" => names.push(value.as_str()),
                _ => {}
            }
        }
        if names.len() > NAMES_PAGE {
            return Err(Error::field(
                "names",
                format!("contains more than {NAMES_PAGE} names: request fewer"),
            ));
        }
        Ok(Some(names.into_iter().filter_map(|name| Name::parse(name).ok()).collect()))
    }

    /// The messages in `ids`, separated by commas, without duplicates. `None` without the parameter.
    pub(crate) fn ids(&self) -> Result<Option<Vec<MessageId>>> {
        let has = |key: &str| self.pairs.iter().any(|(name, _)| name == key);
        if !has("ids") {
            return Ok(None);
        }
        if ["before", "after", "limit"].into_iter().any(has) {
            return Err(Error::field("ids", "returns a single list: omit before, after and limit"));
        }
        let mut ids = Vec::new();
        for text in self.get("ids")?.unwrap_or_default().split(',').filter(|text| !text.is_empty()) {
            let id: MessageId = text.parse().map_err(|why| Error::field("ids", why))?;
            if !ids.contains(&id) {
                ids.push(id);
            }
            if ids.len() > IDS_PAGE {
                return Err(Error::field("ids", format!("contains more than {IDS_PAGE} ids: request fewer")));
            }
        }
        Ok(Some(ids))
    }

    /// The user on whose behalf a service acts, if given.
    pub(crate) fn author(&self) -> Result<Option<Name>> {
        let refused = |why| Error::field("author", why);
        self.get("author")?.map(|text| Name::parse(text).map_err(refused)).transpose()
    }

    /// A value of a type that also occurs in paths, if given.
    pub(crate) fn value<T: PathValue>(&self) -> Result<Option<T>> {
        self.get(T::KEY)?.map(T::from_path).transpose()
    }

    /// The name of an uploaded file, if given.
    pub(crate) fn file_name(&self) -> Result<Option<&str>> {
        self.get("name")
    }

    /// Whether replies in threads are excluded from a history.
    pub(crate) fn leaves_threads_out(&self) -> Result<bool> {
        match self.get("thread")? {
            None => Ok(false),
            Some("none") => Ok(true),
            Some(_) => Err(Error::field("thread", "must be none, or omitted")),
        }
    }

    /// The prefix of the names to search for, if given.
    pub(crate) fn prefix(&self) -> Result<Option<&str>> {
        self.text("q", NAME_CHARS)
    }

    /// The name that others are to resemble, if given.
    pub(crate) fn alike(&self) -> Result<Option<&str>> {
        let alike = self.text("like", NAME_CHARS)?;
        if alike.is_some() && self.get("q")?.is_some() {
            return Err(Error::field("like", "finds different members than q: omit one of them"));
        }
        Ok(alike)
    }

    /// The prefix of the names of open groups, if those are requested.
    pub(crate) fn open_groups(&self) -> Result<Option<&str>> {
        let prefix = self.text("q", GROUP_NAME_CHARS)?;
        match self.get("open")? {
            Some("true") if self.get("order")?.is_some() => {
                Err(Error::field("order", "does not apply to open groups: omit order or open"))
            }
            Some("true") => Ok(Some(prefix.unwrap_or_default())),
            Some(_) => Err(Error::field("open", "must be true, or omitted")),
            None if prefix.is_some() => Err(Error::field("q", "finds only open groups: add open=true")),
            None => Ok(None),
        }
    }

    /// The role, if given.
    pub(crate) fn role(&self) -> Result<Option<Role>> {
        let refused = || Error::field("role", "must be owner, admin, member or restrict");
        let found = |text| Role::ALL.into_iter().find(|each| role(*each) == text);
        self.get("role")?.map(|text| found(text).ok_or_else(refused)).transpose()
    }

    /// The state of listed objects, if given.
    pub(crate) fn state(&self) -> Result<Option<&str>> {
        self.get("state")
    }

    /// Whether a history contains log entries as well as messages.
    pub(crate) fn entries(&self) -> Result<bool> {
        match self.get("entries")? {
            None => Ok(false),
            Some("all") => Ok(true),
            Some(_) => Err(Error::field("entries", "must be all, or omitted")),
        }
    }

    /// The cursor, if given.
    pub(crate) fn cursor(&self) -> Result<Option<&str>> {
        self.get("cursor")
    }

    /// The path and query of this request with another cursor.
    pub(crate) fn with_cursor(&self, cursor: &str) -> String {
        self.with("cursor", cursor)
    }

    /// The path and query of this request from another edge of a history; `None` for an edge without a number.
    pub(crate) fn at_edge(&self, edge: Edge) -> Option<String> {
        match edge {
            Edge::BeforeSeq(seq) => Some(self.with("before", &seq.to_string())),
            Edge::AfterSeq(seq) => Some(self.with("after", &seq.to_string())),
            Edge::Newest | Edge::BeforeDate(_) | Edge::AfterDate(_) => None,
        }
    }

    fn with(&self, key: &str, value: &str) -> String {
        let kept = self.pairs.iter().filter(|(other, _)| other != key);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).append_pair(key, value);
        format!("{}/?{}", self.path.trim_end_matches('/'), query.finish())
    }

    /// A boolean parameter, which defaults to false.
    pub(crate) fn switch(&self, key: &'static str) -> Result<bool> {
        match self.get(key)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::field(key, "must be true or false")),
        }
    }

    /// A text of at most `most` characters, which the store compares with others.
    fn text(&self, key: &'static str, most: usize) -> Result<Option<&str>> {
        let text = self.get(key)?;
        if text.is_some_and(|text| text.chars().nth(most).is_some()) {
            return Err(Error::field(key, format!("is longer than {most} characters")));
        }
        if text.is_some_and(|text| text.contains('\0')) {
            return Err(Error::field(key, NUL));
        }
        Ok(text)
    }

    fn get(&self, key: &'static str) -> Result<Option<&str>> {
        let mut found = self.pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
            (_, Some(_)) => Err(Error::field(key, "is given twice")),
        }
    }
}

fn digits(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fields::USER;

    async fn query(uri: &str) -> Query {
        let mut parts = axum::http::Request::get(uri).body(()).expect("a request").into_parts().0;
        Query::from_request_parts(&mut parts, &()).await.expect("a query")
    }

    #[tokio::test]
    async fn a_limit_is_a_number_in_its_bounds() {
        for (text, limit) in
            [("", None), ("?limit=", None), ("?limit=1", Some(1)), ("?limit=1000", Some(1000))]
        {
            assert_eq!(query(&format!("/users{text}")).await.list_limit().ok(), Some(limit), "{text}");
        }
        for text in ["0", "1001", "-1", "+5", "1e2", "ten", "99999999999999999999", "5&limit=6"] {
            assert!(query(&format!("/users?limit={text}")).await.list_limit().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_point_is_a_seq_or_a_date() {
        let point = async |text: &str| query(&format!("/m?before={text}")).await.point("before");
        assert!(matches!(point("17").await, Ok(Some(Point::Seq(Seq(17))))));
        for date in ["2024-05-12T10:29:16Z", "2024-05-12T12:29:16+02:00", "2024-05-12T12:29:16%2B02:00"] {
            let Ok(Some(Point::Date(read))) = point(date).await else { panic!("{date}") };
            assert_eq!(read.to_string(), "2024-05-12T10:29:16.000000Z", "{date}");
        }
        for text in ["-1", "9223372036854775808", "soon"] {
            assert!(point(text).await.is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn the_next_page_is_asked_for_like_this_one() {
        let query = query("/api/v1/users?limit=2&fields=name+status&cursor=old").await;
        assert_eq!(query.with_cursor("new"), "/api/v1/users/?limit=2&fields=name+status&cursor=new");
        assert!(query.fields(&USER).is_ok());
        let back = |edge| query.at_edge(edge);
        assert_eq!(
            back(Edge::AfterSeq(Seq(7))).as_deref(),
            Some("/api/v1/users/?limit=2&fields=name+status&cursor=old&after=7")
        );
        assert_eq!(back(Edge::Newest), None);
    }

    #[tokio::test]
    async fn ids_are_split_and_each_is_one() {
        const ID: &str = "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e";
        let ids =
            async |text: &str| query(&format!("/m?{text}")).await.ids().map(|ids| ids.map(|ids| ids.len()));
        for (text, count) in [("", None), ("ids=", Some(0)), (&format!("ids={ID},,{ID}"), Some(1))] {
            assert_eq!(ids(text).await.ok(), Some(count), "{text}");
        }
        let many: Vec<_> = (0..101).map(|number| format!("{}{number:03}", &ID[..33])).collect();
        for text in ["ids=x", "ids=&ids=", "ids=&limit=1", &format!("ids={}", many.join(","))] {
            assert!(ids(text).await.is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn names_are_split_at_commas_and_a_name_is_not() {
        let names = async |text: &str| {
            let names = query(&format!("/users?{text}")).await.names().expect("names")?;
            Some(names.iter().map(Name::to_string).collect::<Vec<_>>())
        };
        assert_eq!(names("fields=name").await, None);
        assert_eq!(names("names=").await, Some(vec![]));
        let found = names("names=ann,,bob&name=a%2Cb&names=%3C%2Ceve").await;
        assert_eq!(found.expect("names"), ["ann", "bob", "a,b", "eve"]);
        let many = vec!["a"; 101].join(",");
        for text in [format!("names={many}"), "names=a&limit=1".into(), "name=a&cursor=x".into()] {
            assert!(query(&format!("/users?{text}")).await.names().is_err(), "{text}");
        }
    }
}
