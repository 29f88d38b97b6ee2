"""The gate: every event that arrives is judged by its contract before it is stored."""
