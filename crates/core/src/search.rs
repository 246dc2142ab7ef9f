//! The search for text. A text is cut into [`words`], and a [`query`](SearchQuery) finds them. Chinwag cuts and folds by
//! itself and not by its database, so that hits and marks are the same on every store, whatever its locale.

mod query;
mod terms;
pub mod words;

pub use query::{Marks, SearchQuery};
pub use terms::{MANY_TERMS, RequiredTerm, TERMS_VERSION, joined_terms, terms};
