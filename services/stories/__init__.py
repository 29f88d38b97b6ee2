"""Stories of residents: held in the municipality's own node, counted and quoted outside it, never shown whole."""
