"""The list of features and of kinds of runs: all that the core rooms know of them.

What a feature adds stands in its package under fixed names, which are imported where they are used:
`job` (`JOBS`: what child processes compute, by kind; `warm_up`), `work` (`begin`: how a run of the NETWORK
lane is carried out), `start` (`on_succeeded`: what is told of each run that succeeds) and `graph.root`
(`Query`, `Mutation`, `RUNS`, `NODES`, `TYPES`). Imports the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """Where a run is carried out, and so what it takes room from: COMPUTE in a child process, NETWORK in the
    server's loop."""

    COMPUTE = "COMPUTE"
    NETWORK = "NETWORK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """`jobs`: whether children compute something of it; `graph`: whether it adds to the graph; `starts`:
    whether it wants to know of runs that succeed."""

    package: str
    jobs: bool = False
    graph: bool = True
    starts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of run: `name` in the store, `node` the type in the graph, `noun` and `plural` for people.

    `reuse`: which run a launch returns instead of queuing the same one again, a member of
    `db.records.Reuse`."""

    name: str
    node: str
    noun: str
    plural: str
    feature: Feature
    lane: Lane = Lane.COMPUTE
    reuse: str = "SUCCEEDED"


FACTORS = Feature(package="app.features.factors", jobs=True)
SWEEPS = Feature(package="app.features.sweeps", jobs=True)
RISK = Feature(package="app.features.risk", jobs=True)
EXPOSURES = Feature(package="app.features.exposures")
FETCHES = Feature(package="app.features.fetches")
LEGACY = Feature(package="app.features.legacy", starts=True)

FEATURES = (FACTORS, SWEEPS, RISK, EXPOSURES, FETCHES, LEGACY)

KINDS = (
    Kind(name="FACTOR", node="FactorRun", noun="factor run", plural="factor runs", feature=FACTORS),
    Kind(name="SWEEP", node="SweepRun", noun="sweep", plural="sweeps", feature=SWEEPS),
    Kind(
        name="FETCH",
        node="FetchRun",
        noun="fetch",
        plural="fetches",
        feature=FETCHES,
        lane=Lane.NETWORK,
        reuse="LIVE",
    ),
    Kind(name="RISK_MODEL", node="RiskModelRun", noun="risk model", plural="risk models", feature=RISK),
)


def by_name(kinds: Iterable[Kind]) -> Mapping[str, Kind]:
    """Return the kinds by the names that they have in the store."""
    return {kind.name: kind for kind in kinds}


def features_of(kinds: Iterable[Kind], features: Iterable[Feature] = FEATURES) -> tuple[Feature, ...]:
    """Return the features and those that the kinds add, each once."""
    return tuple(dict.fromkeys([*features, *(kind.feature for kind in kinds)]))
