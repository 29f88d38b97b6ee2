"""Data contracts, one folder per event type; data only."""
