"""The `factorql` command: finds a sub-command's module when it is called, so that help stays quick."""

from __future__ import annotations

import importlib
import signal
import sys

import click

from scripts.importing import collector_paused

COMMANDS = {
    "demo": "Load the bundled sample, compute every factor, compare them, then serve.",
    "serve": "Serve the dashboard, the graph and REST.",
    "ingest": "Take a CSV or Parquet file in as a dataset.",
    "datasets": "List the datasets, or delete one.",
    "sources": "List where datasets can be fetched from.",
    "fetch": "Fetch a dataset from a vendor.",
    "factors": "List the factor models.",
    "runs": "List runs.",
    "compute": "Compute a factor model.",
    "sweep": "Compute a factor model over many configs, and test the best for luck.",
    "promote": "Make a point of a sweep a full run.",
    "compare": "Compare the latest run of each factor.",
    "show": "Show one run; --plot draws it, --report writes a page, --monthly prints a sheet.",
    "exposures": "Measure a portfolio's exposures to factors, and what its return is made of.",
    "risk": "Estimate factor risk models, and measure portfolios by them.",
    "import-logs": "Import the CSV logs of the older system.",
    "export-logs": "Write results as CSV logs in the older system's newest shape.",
    "migrate": "Bring the store to this version's schema.",
    "schema": "Print the GraphQL schema.",
    "gc": "Remove files that no dataset needs any more.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        with collector_paused():
            module = importlib.import_module(f"scripts.commands.{name.replace('-', '_')}")
        return module.command

    def invoke(self, ctx: click.Context) -> object:
        """Exit code 130 after Ctrl-C, at whatever moment it comes."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # All is wound up: another one need not be heard, and would be told with a traceback.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            click.echo("interrupted", err=True)
            sys.exit(130)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="factorql", prog_name="factorql")
def main() -> None:
    """FactorQL: factor models on panels of market data, kept in SQL, served as a graph.

    Settings come from FACTORQL_... environment variables and from .env; FACTORQL_DATA_DIR (./data) holds
    everything.
    """
