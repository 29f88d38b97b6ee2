"""Duiding sessions: figures and stories of a release read together, partners first, and what is concluded and done.

All of it stays in the municipality's own node, its words under the node's story key; nothing of it becomes a figure (an
import contract in pyproject.toml holds that). Only conclusions, actions and who is missing from a figure leave, each
approved as it stands by two people.
"""
