"""Shapes of events, one folder per event type; data only."""
