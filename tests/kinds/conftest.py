"""The graph over a store in which nothing is computed: runs stay queued until a test carries them out."""

from tests.app.schema.conftest import graph, schema, services  # noqa: F401
