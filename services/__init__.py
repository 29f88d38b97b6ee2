"""What a node and the hub do: sending, receiving, gate, store, indicators, release, benchmark, SQL."""
