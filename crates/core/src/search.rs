//! The search for text. A text is cut into [`words`], and a [`query`](SearchQuery) finds them. Chinwag cuts and folds by
//! itself and not by its database, so that hits and marks are the same on every store, whatever its locale.

mod query;
pub mod words;

pub use query::{Marks, SearchQuery};
