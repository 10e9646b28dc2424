"""The factor models: one small module a factor, with its config and its signal."""
