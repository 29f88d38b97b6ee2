"""Questions in SQL over what the network published: DuckDB on one machine, with the names that Trino has."""
