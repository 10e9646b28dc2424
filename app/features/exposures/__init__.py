"""What factors a portfolio is exposed to, and what its return is made of."""
