"""Patterns: how many tellers of a quarter told about a theme with which meaning, and what that may say."""
