"""The life of a run, of whatever kind: launched, followed, ended, kept or removed."""
