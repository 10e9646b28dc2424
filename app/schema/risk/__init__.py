"""Risk models in the graph: what they estimate, what they forecast, and portfolios by them."""
