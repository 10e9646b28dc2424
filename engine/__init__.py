"""Pure computation: numpy arrays in, frozen dataclasses out, no I/O, clock, environment or global state."""

ENGINE_VERSION = "2"
"""Part of every run's identity: raise it whenever a number that the engine returns may change."""
