"""The schema as a whole: built, and printed."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.schema.errors import Error, exception_handlers
from app.schema.execution import FactorQLExecutor
from app.schema.factor_config import CONFIG_TYPES
from app.schema.factor_run import FactorRun
from app.schema.fetches.run import FetchRun
from app.schema.mutation import Mutation
from app.schema.other_run import OtherRun
from app.schema.query import Query
from app.schema.risk.run import RiskModelRun
from app.schema.risk.style_configs import STYLE_TYPES
from app.schema.scalars import SCALARS
from app.schema.subscription import Subscription
from app.schema.sweeps.run import SweepRun


def build_schema() -> strawberry.Schema:
    """The graph. Its context is a GraphContext; building takes a moment, so keep the result."""
    return strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        # Reached through interfaces alone.
        types=[
            Error,
            FactorRun,
            SweepRun,
            FetchRun,
            RiskModelRun,
            OtherRun,
            *CONFIG_TYPES.values(),
            *STYLE_TYPES.values(),
        ],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=FactorQLExecutor,
        exception_handlers=exception_handlers(),
    )


def print_schema_text() -> str:
    """The graph in the schema definition language, as `schema.graphql` holds it."""
    return build_schema().as_str() + "\n"
