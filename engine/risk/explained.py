"""Factor returns of a whole panel, each explained by what was known the row before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.risk.config import RiskModelConfig
from engine.risk.cross_section import BoolArray
from engine.risk.factor_returns import MARKET, FactorReturns, estimate
from engine.risk.scores.config import StyleConfig
from engine.risk.scores.inputs import ScoreInputs
from engine.risk.scores.registry import StyleScores, history_rows, style_scores
from engine.risk.sectors import Sectors

Progress = Callable[[int, int], None]
"""Told how many rows are done, of how many."""

KeepScores = Callable[[int, FloatArray, BoolArray], None]
"""Given rows of scores as they come, each row once, in any order, from several threads: (the first of them
among the rows that are explained, scores (t, N, K) at their end, where 0 stands for none (t, N, K)). The
arrays are views that cannot be written to, and not in C order."""

_CHUNK_BYTES = 200 << 20  # of scores at a time; each chunk looks at its styles' history again
_FEWEST_ROWS = 252
_THREADS = 2  # more are not faster: the work waits for memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is known at the end of T dates. priced: (T,) assets with a price, which are given exposures and
    risk. universe: (T,) assets of the estimation universe. missing: (T, K) assets with a price whose score of
    a style does not exist and counts as 0. flagged: (T, K) styles without a deviation, 0 for all."""

    priced: NDArray[np.int64]
    universe: NDArray[np.int64]
    missing: NDArray[np.int64]
    flagged: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedReturns:
    """factor_returns: of T rows, all NaN but `assets` where fewer than min_assets estimate. coverage: at the
    end of the same rows. styles: (M, N, K) scores at the end of the rows that were asked for, NaN where an
    asset has no price."""

    factor_returns: FactorReturns
    coverage: Coverage
    styles: FloatArray


def explain_returns(
    inputs: ScoreInputs,
    sectors: Sectors,
    styles: Sequence[StyleConfig],
    universe: BoolArray,
    config: RiskModelConfig,
    *,
    first_row: int,
    wanted_rows: NDArray[np.int64],
    progress: Progress | None = None,
    keep_scores: KeepScores | None = None,
) -> ExplainedReturns:
    """Factor returns of all rows of the inputs from `first_row` >= 1 on, by the scores, sectors, caps and
    universe at the end of the row before: the one place where these are aligned.

    sectors.codes: (N,) or (T, N), universe: (T, N), of all rows of the inputs. wanted_rows: (M,) ascending
    rows of the inputs, from `first_row` on, whose scores are kept. The rows are worked on in chunks, a few at
    a time, so that memory does not grow with the scores of all of them: keep_scores may keep them elsewhere.
    `progress` is called by this thread. What either raises is raised.
    """
    work = _Work(
        inputs=inputs,
        codes=np.broadcast_to(sectors.codes, inputs.returns.shape),
        sector_names=sectors.names,
        styles=tuple(styles),
        universe=universe,
        config=config,
        first_row=first_row,
        wanted_rows=wanted_rows,
        keep_scores=keep_scores,
        out=_empty(inputs, sectors, styles, universe, first_row, len(wanted_rows)),
    )
    rows, assets = inputs.returns.shape
    chunks = _chunks(first_row - 1, rows, assets, len(styles))
    total, done = sum(chunk.stop - chunk.start for chunk in chunks), 0
    with ThreadPoolExecutor(_THREADS) as pool:
        pending = {pool.submit(work.explain, chunk): chunk for chunk in chunks}
        try:
            for future in as_completed(pending):
                future.result()
                done += pending[future].stop - pending[future].start
                if progress is not None:
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return work.out


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What all chunks read, and `out`, in which each fills rows of its own."""

    inputs: ScoreInputs
    codes: NDArray[np.integer]
    sector_names: tuple[str, ...]
    styles: tuple[StyleConfig, ...]
    universe: BoolArray
    config: RiskModelConfig
    first_row: int
    wanted_rows: NDArray[np.int64]
    keep_scores: KeepScores | None
    out: ExplainedReturns

    def explain(self, chunk: slice) -> None:
        """Score the rows of a chunk, and explain the returns of the rows after them."""
        scores = self._scores(chunk)
        self._keep(scores, chunk)
        count = min(chunk.stop, len(self.inputs.returns) - 1) - chunk.start
        known, next_rows = slice(chunk.start, chunk.start + count), slice(chunk.start + 1, chunk.stop + 1)
        found = estimate(
            self.inputs.returns[next_rows],
            self.inputs.caps[known],
            self.codes[known],
            self.sector_names,
            scores.scores[:count],
            scores.names,
            self.universe[known],
            mode=self.config.mode,
            weighting=self.config.weighting,
            winsor=self.config.winsor,
        )
        # A factor without a return counts as 0: what is left would be no specific return, but the return.
        few = found.assets < self.config.min_assets
        for values in (found.returns, found.specific, found.r_squared, found.t_statistics):
            values[few] = np.nan
        found.condition_number[few] = np.nan
        at = slice(next_rows.start - self.first_row, next_rows.start - self.first_row + count)
        kept = self.out.factor_returns
        kept.returns[at], kept.specific[at] = found.returns, found.specific
        kept.r_squared[at] = found.r_squared
        kept.assets[at], kept.condition_number[at] = found.assets, found.condition_number
        kept.t_statistics[at] = found.t_statistics

    def _scores(self, chunk: slice) -> StyleScores:
        start = max(0, chunk.start - history_rows(self.styles))
        return style_scores(
            self.inputs.rows(slice(start, chunk.stop)),
            self.styles,
            centering=self.config.centering,
            universe=self.universe[start : chunk.stop],
            first_row=chunk.start - start,
        )

    def _keep(self, scores: StyleScores, chunk: slice) -> None:
        skip = max(0, self.first_row - chunk.start)  # the row before the first return is no date of the model
        at = slice(chunk.start + skip - self.first_row, chunk.stop - self.first_row)
        self.out.coverage.missing[at] = scores.missing_counts[skip:]
        self.out.coverage.flagged[at] = scores.flagged[skip:]
        first, stop = np.searchsorted(self.wanted_rows, (chunk.start, chunk.stop))
        self.out.styles[first:stop] = scores.scores[self.wanted_rows[first:stop] - chunk.start]
        if self.keep_scores is not None and at.start < at.stop:
            kept = scores.scores[skip:], scores.missing[skip:]
            for values in kept:
                values.flags.writeable = False
            self.keep_scores(at.start, *kept)


def _empty(
    inputs: ScoreInputs,
    sectors: Sectors,
    styles: Sequence[StyleConfig],
    universe: BoolArray,
    first_row: int,
    wanted: int,
) -> ExplainedReturns:
    dates, assets = len(inputs.returns) - first_row, inputs.returns.shape[1]
    names = (MARKET, *sectors.names, *(style.label for style in styles))
    return ExplainedReturns(
        factor_returns=FactorReturns(
            names=names,
            returns=np.empty((dates, len(names))),
            specific=np.empty((dates, assets)),
            r_squared=np.empty(dates),
            assets=np.empty(dates, dtype=np.int64),
            condition_number=np.empty(dates),
            t_statistics=np.empty((dates, len(names))),
        ),
        coverage=Coverage(
            priced=inputs.covered[first_row:].sum(axis=1, dtype=np.int64),
            universe=universe[first_row:].sum(axis=1, dtype=np.int64),
            missing=np.empty((dates, len(styles)), dtype=np.int64),
            flagged=np.empty((dates, len(styles)), dtype=np.bool_),
        ),
        styles=np.empty((wanted, assets, len(styles))),
    )


def _chunks(first: int, stop: int, assets: int, styles: int) -> list[slice]:
    """Slices of the rows from `first` to `stop`, about equal, several a multiple of the threads."""
    rows = max(_FEWEST_ROWS, _CHUNK_BYTES // max(1, 8 * assets * styles))
    count = max(1, -(-(stop - first) // rows))
    if count > 1:
        count += -count % _THREADS
    bounds = np.linspace(first, stop, count + 1).astype(int).tolist()
    return [slice(low, high) for low, high in pairwise(bounds)]
