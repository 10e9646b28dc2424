"""What features add to the graph, found by their entries in the list of kinds."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from app.kinds import Kind, features_of


@cache
def graph_roots(kinds: tuple[Kind, ...]) -> tuple[ModuleType, ...]:
    """Return the modules in which the features, and those of these kinds, name what they add: `Query` and
    `Mutation`, types whose fields stand at the roots; `RUNS`, the type of each kind's runs; `NODES`, what
    loads other types by id; `TYPES`, those that are reached through interfaces alone. Each is optional."""
    return tuple(
        import_module(f"{feature.package}.graph.root") for feature in features_of(kinds) if feature.graph
    )
