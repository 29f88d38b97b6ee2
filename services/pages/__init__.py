"""Pages that are read as files: one HTML file each that needs nothing beside it, no network and no script.

Every value is escaped. A page is well-formed XML too, so that any parser reads it, and its own policy lets a browser
fetch nothing. Templates of a package extend `base.html`, which has the head, the style and the blocks `title`,
`introduction`, `content` and `source`.
"""

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from services.pages.wording import NOTHING, date_text, number, period_text, share


@cache
def environment(package: str) -> Environment:
    """Return what renders the templates of a package, `services.mirror`, over the shared ones."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("services.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(number=number, share=share, period=period_text, day=date_text)
    made.globals.update(NOTHING=NOTHING)
    return made
