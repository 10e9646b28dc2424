"""Exposures in the graph: betas of portfolios and assets, attribution, correlations of factors."""
