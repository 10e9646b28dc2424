"""Many variants of one strategy, and how much of the best one's performance selection alone explains."""
