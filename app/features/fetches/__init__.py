"""Datasets from vendors."""
