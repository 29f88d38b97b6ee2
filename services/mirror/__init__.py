"""The mirror: one municipality's figures beside its peers, as one page for people who read no SQL.

The page is made of published tables only, asked by the same SQL surface as anybody else's question. It is in Dutch, its
readers' language.
"""

from services.mirror.page import Written, write_mirror

__all__ = ["Written", "write_mirror"]
