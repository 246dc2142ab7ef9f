//! How PostgreSQL means to run each statement: the suite once more, with every plan looked at.
