"""Sweeps: one factor model over many configs, and how much of the best is luck."""
