"""Marks persons, places, addresses and contact data in Dutch text, for people to judge.

Marking finds too much rather than too little: a false mark costs a reader a click, a missed one may harm a teller. No
text is anonymous because it was marked; see docs/privacy.md, and lists.md for where the lists come from.
"""

from services.stories.marking.marker import Marker, load_marker, marked_parts, whole_marker
from services.stories.marking.marks import Kind, Mark, marked

__all__ = ["Kind", "Mark", "Marker", "load_marker", "marked", "marked_parts", "whole_marker"]
