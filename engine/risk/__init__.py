"""The cross-sectional risk model: from style scores to the risk of a portfolio."""
