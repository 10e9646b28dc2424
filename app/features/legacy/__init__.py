"""The older system's logs and its REST interface."""
