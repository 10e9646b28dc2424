"""One launch of every kind of run, as a client writes it: what the contract test does all else with."""

from __future__ import annotations

from tests.app.schema.graph import ASSETS, Graph, add_dataset

LAUNCHES = {
    "FACTOR": "computeFactor(input: {spec: {smb: {breakpoint: 0.4}}, tags: $tags, force: $force})",
    "SWEEP": "sweepFactor(input: {spec: {smb: {}}, tags: $tags, force: $force, "
    "axes: [{option: BREAKPOINT, values: {numbers: [0.3, 0.4]}}]})",
    "FETCH": 'fetchDataset(input: {source: COINMETRICS, startDate: "2024-01-01", endDate: "2024-02-01", '
    'name: "coins", tags: $tags, refresh: $force})',
    "RISK_MODEL": "buildRiskModel(input: {tags: $tags, force: $force})",
}
"""By the name of the kind: a field of the mutation root, with the variables `tags` and `force`."""


async def launch(graph: Graph, kind: str, *, tags: tuple[str, ...] = (), force: bool = False) -> dict:
    """Launch the sample of a kind: `run`, with what every run has, and `reused`."""
    success = LAUNCHES[kind].split("(")[0]
    success = f"{success[0].upper()}{success[1:]}Success"
    found = await graph.ask(
        f"""mutation ($tags: [String!], $force: Boolean!) {{ launched: {LAUNCHES[kind]} {{
          ... on {success} {{ reused run {{ __typename id kind status tags forced }} }}
          ... on Error {{ code message }} }} }}""",
        tags=list(tags),
        force=force,
    )
    assert "run" in found["launched"], found
    return found["launched"]


async def prepare(graph: Graph) -> int:
    """Add the dataset that launches are on; return its id."""
    return await add_dataset(graph.services.store, assets=ASSETS)
