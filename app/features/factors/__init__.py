"""Factor models: one portfolio from one signal."""
