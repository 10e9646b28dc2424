"""Sweeps in the graph: their runs, points and statistics."""
