"""Measurements of speed and memory, each beside a named baseline of the same run."""
