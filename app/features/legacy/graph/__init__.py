"""What this feature adds to the graph."""
