"""Fetches in the graph: the sources, their runs, progress and reports."""
