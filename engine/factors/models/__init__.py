"""The factor models, one a module."""
