//! Query parameters. Unknown keys are ignored; a known one may be given once.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chinwag_core::app::message::Point;
use chinwag_core::limits::{LIST_PAGE, NAME_CHARS, NAMES_PAGE};
use chinwag_core::{Date, Error, Name, Result, Seq};

use crate::admission::UnderWay;
use crate::error::Problem;
use crate::wire::fields::{FieldNames, Picked};

/// A request's query.
pub(crate) struct Query {
    /// The path that it was asked of.
    pub path: String,
    /// The place among the requests under way, held for as long as the answer is being written.
    pub under_way: Option<UnderWay>,
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            path: parts.uri.path().to_owned(),
            under_way: parts.extensions.get::<UnderWay>().cloned(),
            pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        })
    }
}

impl Query {
    /// The fields that are asked for.
    pub(crate) fn fields(&self, known: &'static FieldNames) -> Result<Picked> {
        Picked::parse(known, self.get("fields")?)
    }

    /// The rows in one page of a list, if pages are requested.
    pub(crate) fn list_limit(&self) -> Result<Option<usize>> {
        self.limit(LIST_PAGE)
    }

    /// A number from 1 to `most`, if one is given.
    pub(crate) fn limit(&self, most: usize) -> Result<Option<usize>> {
        let Some(text) = self.get("limit")? else { return Ok(None) };
        let limit = digits(text).and_then(|number| usize::try_from(number).ok());
        let limit = limit.filter(|limit| (1..=most).contains(limit));
        limit.map(Some).ok_or_else(|| Error::field("limit", format!("must be a number from 1 to {most}")))
    }

    /// A place in a group's log: a number, or a date.
    pub(crate) fn point(&self, key: &'static str) -> Result<Option<Point>> {
        let Some(text) = self.get(key)? else { return Ok(None) };
        if let Some(seq) = digits(text) {
            return Ok(Some(Point::Seq(Seq(seq))));
        }
        // A `+` that was not escaped has come as a space: `…T10:29:16 02:00`.
        let text = if text.contains('T') { Cow::Owned(text.replace(' ', "+")) } else { Cow::Borrowed(text) };
        let refused = |_| Error::field(key, "must be a seq, or a date like 2024-05-12T10:29:16.000949Z");
        Date::parse(&text).map(|date| Some(Point::Date(date))).map_err(refused)
    }

    /// The names of `names`, with commas between them, and of `name`, which may hold commas; both may stand there
    /// more than once. `None` where neither does. What cannot be a name is left out, as nobody's.
    pub(crate) fn names(&self) -> Result<Option<Vec<Name>>> {
        let has = |keys: &[&str]| self.pairs.iter().any(|(key, _)| keys.contains(&key.as_str()));
        if !has(&["names", "name"]) {
            return Ok(None);
        }
        if has(&["limit", "cursor", "q"]) {
            return Err(Error::field("names", "is answered with one list: leave limit, cursor and q out"));
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
            return Err(Error::field("names", format!("holds more than {NAMES_PAGE} names: ask for fewer")));
        }
        Ok(Some(names.into_iter().filter_map(|name| Name::parse(name).ok()).collect()))
    }

    /// The beginning of a name that is searched for, if one is given.
    pub(crate) fn prefix(&self) -> Result<Option<&str>> {
        let prefix = self.get("q")?;
        if prefix.is_some_and(|prefix| prefix.chars().nth(NAME_CHARS).is_some()) {
            return Err(Error::field("q", format!("is longer than {NAME_CHARS} characters")));
        }
        Ok(prefix)
    }

    /// The cursor, if one is given.
    pub(crate) fn cursor(&self) -> Result<Option<&str>> {
        self.get("cursor")
    }

    /// The same path and query with another cursor.
    pub(crate) fn with_cursor(&self, cursor: &str) -> String {
        let kept = self.pairs.iter().filter(|(key, _)| key != "cursor");
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).append_pair("cursor", cursor);
        format!("{}/?{}", self.path.trim_end_matches('/'), query.finish())
    }

    fn get(&self, key: &'static str) -> Result<Option<&str>> {
        let mut found = self.pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
            (_, Some(_)) => Err(Error::field(key, "is there twice")),
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
