"""Patterns: how many tellers of a quarter told about a theme and what meaning they gave to it, and what that may say."""
