"""What a factor's signal and returns say beyond its performance: rank statistics, quantiles, decay."""
