"""What the sub-commands share: running services, printing tables or JSON, failing in one line."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import math
import signal
import sys
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, NoReturn, TypeVar

import click
from pydantic import ValidationError

from app.context import Services
from app.errors import FactorQLError, InvalidFile, InvalidInput
from app.settings import Settings
from app.storage.places import expected_error
from app.wiring import open_services
from db.errors import CorruptBlob, StoreError

T = TypeVar("T")

FAILED = 1
USAGE = 2
_ERROR_LOG = "errors.log"

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def load_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        name = name.upper() if name.isupper() else f"FACTORQL_{name.upper()}"
        fail(f"setting {name}: {first['msg'].lower()}", code=USAGE)


def run_with_services(work: Callable[[Services], Awaitable[T]], *, execute: bool = False) -> T:
    """Open the services, do the work, close them; expected errors end the command in one line."""
    settings = load_settings()

    async def session() -> T:
        async with open_services(settings, execute=execute) as services:
            return await work(services)

    with failing_in_one_line(settings), winding_up_when_terminated():
        return asyncio.run(session())


@contextmanager
def failing_in_one_line(settings: Settings) -> Iterator[None]:
    """Exit codes: 1 failed, 2 wrong usage. Unexpected errors go to a log, by id."""
    try:
        yield
    except InvalidFile as error:
        fail(error.message, hint=error.hint)
    except InvalidInput as error:
        fail(error.message, hint=error.hint, code=USAGE)
    except CorruptBlob as error:
        unread = expected_error(error)
        fail(f"{unread.code}: {unread.message}", hint=unread.hint)
    except (FactorQLError, StoreError) as error:
        fail(error.message, hint=error.hint)
    except (click.ClickException, click.exceptions.Exit, SystemExit, BrokenPipeError):
        raise  # click's own business: usage, exit codes, a reader that went away
    except Exception:
        fail(_log_unexpected(settings))


@contextmanager
def winding_up_when_terminated() -> Iterator[None]:
    """SIGTERM winds up as Ctrl-C does; then the process ends by it, as whoever sent it expects."""
    terminated = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal terminated
        terminated = True
        signal.raise_signal(signal.SIGINT)

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
        if terminated:
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def holding_interrupts() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is raised at the end only; what it yields tells whether there was one.

    For work that must not be interrupted wherever it stands: in a destructor, an interrupt is lost and told
    with a traceback.
    """
    held = False

    def hold(_number: int, _frame: object) -> None:
        nonlocal held
        held = True

    previous = signal.signal(signal.SIGINT, hold)
    try:
        yield lambda: held
    finally:
        signal.signal(signal.SIGINT, previous)
        if held:
            signal.raise_signal(signal.SIGINT)


def fail(message: str, *, hint: str | None = None, code: int = FAILED) -> NoReturn:
    click.echo(f"error: {message}" + (f" ({hint})" if hint else ""), err=True)
    sys.exit(code)


def _log_unexpected(settings: Settings) -> str:
    error_id = uuid.uuid4().hex[:12]
    details = f"{datetime.now(UTC).isoformat()} {error_id}\n{traceback.format_exc()}\n"
    path = settings.data_dir / _ERROR_LOG
    try:
        with path.open("a", encoding="utf-8") as log:
            log.write(details)
    except OSError:
        click.echo(details, err=True)
        return f"unexpected error {error_id}"
    return f"unexpected error {error_id}; details are in {path}"


def quiet_logging() -> None:
    """A command speaks through its output; libraries only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[float, str], None]]:
    """(fraction, stage) -> a bar on the terminal; nothing where the output is not one."""
    # imported here: only what is shown in a terminal or as a table needs rich
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda fraction, stage: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[stage]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(description, total=1.0, stage="")
        yield lambda fraction, stage: bar.update(task, completed=fraction, stage=stage)


def print_json(value: object) -> None:
    click.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """A record in JSON types; numbers that are not finite become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_table(
    columns: Mapping[str, str], rows: Sequence[Sequence[str]], *, title: str | None = None
) -> None:
    """`columns`: heading -> 'left' or 'right'. Where the output is no terminal nothing is wrapped or cut."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=400, highlight=False)
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading, side in columns.items():
        table.add_column(heading, justify="right" if side == "right" else "left", no_wrap=side == "right")
    for row in rows:
        table.add_row(*row)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{_rounded(100 * value, digits):.{digits}f} %"


def number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{_rounded(value, digits):,.{digits}f}"


def _rounded(value: float, digits: int) -> float:
    """What rounds to 0 has no sign."""
    return 0.0 if abs(value) < 0.5 * 10.0**-digits else value


def day(value: date | None) -> str:
    return "-" if value is None else value.isoformat()


def moment(value: datetime | None) -> str:
    return "-" if value is None else value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
