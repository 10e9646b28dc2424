"""The boundary: who may ask, and how much a request may cost."""
