"""Static pages and vendored front-end assets."""
