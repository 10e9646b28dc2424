"""The mutations: one small module each."""
