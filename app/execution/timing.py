"""How long execution waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """All in seconds. The defaults are for people; tests use shorter ones."""

    poll: float = 1.0
    """Between looks for runs that other processes have queued."""
    heartbeat: float = 2.0
    """Between confirmations of claims. Also how long a run canceled by another process goes on."""
    stale: float = 30.0
    """Without a heartbeat until a claim counts as lost: many beats, because a slow disk is no death."""
    silence: float = 15.0
    """Without a heartbeat until health says that the store cannot be written to: less than `stale`, more than
    a statement waits for another writer."""
    recovery: float = 10.0
    """Between looks for lost claims, and for datasets whose files are not here."""
    progress: float = 0.5
    """Between writes of a run's progress; a faster run writes none."""
    stop_grace: float = 2.0
    """For runs to end by themselves when the executor stops."""
    stop_limit: float = 10.0
    """For their ends to be written after that."""
    commit_retries: tuple[float, ...] = (0.05, 0.2, 1.0, 2.0, 5.0, 10.0)
    """Waits between attempts to write a run's end while the database cannot be used."""
