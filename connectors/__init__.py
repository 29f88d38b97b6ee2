"""One file per source: reads what a partner exports into columns of events. Imports nothing of ours."""
