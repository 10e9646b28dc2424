"""Risk models of many factors, portfolios by them, and optimal portfolios."""
