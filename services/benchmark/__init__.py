"""The mirror: released cells beside those of comparable municipalities. Public figures in, public figures out."""
