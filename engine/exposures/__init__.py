"""What a portfolio's or an asset's weekly returns owe to factors: betas, attribution, correlations."""
