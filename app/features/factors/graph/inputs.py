"""How a client asks for a factor run: one input a factor, derived from its config.

Every option is UNSET by default: absent means the factor's default, an explicit null means off.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import strawberry

from app.schema.dataset_ref import DatasetRef
from app.schema.enums import FactorName
from app.schema.options import INPUT, given_options, takes, with_members
from app.schema.unset import was_given
from engine.config import options_of
from engine.factors.definition import FactorDefinition
from engine.factors.registry import FACTORS


def _input_type(factor: FactorDefinition) -> type:
    derived = takes(options_of(factor.config_type).values())(
        type(factor.config_type.__name__.replace("Config", "Input"), (), {"__module__": __name__})
    )
    return strawberry.input(derived, description=f"Options of {factor.name}. {INPUT}")


@strawberry.input(one_of=True, description="The factor to compute, with its options: exactly one.")
@with_members({name.lower(): (_input_type(one), f"{one.title}.") for name, one in FACTORS.items()})
class FactorSpec:
    def chosen(self) -> tuple[FactorName, str, dict[str, object]]:
        """Return the factor, its name in this input and the options that were given, as the engine spells
        them."""
        name = next(item.name for item in fields(self) if was_given(getattr(self, item.name)))
        return FactorName(name.upper()), name, given_options(getattr(self, name))


def _option(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


@strawberry.input(description="A factor run to compute.")
class ComputeFactorInput:
    spec: FactorSpec = strawberry.field(description="The factor and its options.")
    dataset: DatasetRef | None = _option(
        "What to compute it from. Absent or null: the only dataset that is not synthetic, or the only one; "
        "an InvalidInput where that is not clear."
    )
    tags: list[str] | None = _option(
        "Words to find the run by: up to 20, of up to 50 characters. A run that is reused keeps its own."
    )
    note: str | None = _option("A remark of up to 2000 characters. A run that is reused keeps its own.")
    force: bool = strawberry.field(
        default=False, description="Whether to compute anew even if the same run exists already."
    )
