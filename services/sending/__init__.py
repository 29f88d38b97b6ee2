"""A participant as sender: addresses placed, pseudonyms made, events sealed, parcels handed to the broker."""
