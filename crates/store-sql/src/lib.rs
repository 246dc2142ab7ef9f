//! The statements that SQLite and PostgreSQL share.
//!
//! Each noun whose SQL is the same in both databases stands here once, over the trait [`Sql`], which
//! both stores implement for their transactions. A noun's file has a function for each method of its
//! port, and a macro that implements the port by these functions. Where the databases need different
//! plans a [`Text`] has both. Pages of messages and logs, marks, summaries and the batch that sends
//! messages are not here: their plans differ too much.
//!
//! Parameters are `$1`, `$2` …, in the order of their first use.

mod column;
pub mod group;
pub mod import;
pub mod membership;
mod port;
pub mod relation;
mod sql;
pub mod task;
pub mod token;
pub mod user;

#[doc(hidden)]
pub use chinwag_core::stored_number;

pub use column::{Column, Columns};
#[doc(hidden)]
pub use port::names;
pub use sql::{Conflict, Keys, Param, Sql, Text, limit};

pub(crate) use port::implement;
