"""The benchmark dashboard for Apache Superset: `benchmark/` is what Superset exports and imports, unzipped."""
