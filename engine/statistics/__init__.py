"""Statistics of any series of returns."""
