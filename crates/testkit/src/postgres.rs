//! A throwaway PostgreSQL.
