"""The production computation with things that cannot be warmed up: smb needs a field that the toy panel
lacks, growth and sweeps have a fault."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from app.features.factors import job as factor_job
from app.features.sweeps import job as sweep_job
from app.jobs import compute, prepare  # noqa: F401
from engine.factors import registry
from engine.factors.compute import FactorResult
from engine.factors.registry import FACTORS, FactorName
from engine.factors.research.analyse import Research

_analyse = factor_job.analyse
_smb = FACTORS[FactorName.SMB]


def _fail(*_arguments: object, **_options: object) -> None:
    raise ZeroDivisionError("nothing to divide\nby")


def _analyse_all_but_growth(result: FactorResult) -> Research:
    if result.config.factor == FactorName.GROWTH:
        _fail()
    return _analyse(result)


registry.FACTORS = MappingProxyType(
    {**FACTORS, _smb.name: replace(_smb, required_fields=(*_smb.required_fields, "locked_value"))}
)
factor_job.analyse = _analyse_all_but_growth
sweep_job.sweep = _fail
