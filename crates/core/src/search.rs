//! Full-text search. A text is split into [`words`], and a [`query`](SearchQuery) finds them. Chinwag splits
//! and folds texts itself instead of leaving this to the database, so that hits and marks are the same on
//! every store, whatever its locale.

mod query;
mod terms;
pub mod words;

pub use query::{Marks, SearchQuery};
pub use terms::{MANY_TERMS, RequiredTerm, TERMS_VERSION, joined_terms, terms};
