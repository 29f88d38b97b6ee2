"""A participant as receiver: parcels fetched, checked, opened and handed to the gate."""
