"""How fast requests may go to one host. All times are exact, since the clock is virtual."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sources.pacing import Gate
from tests.app.sources.virtual_time import in_virtual_time, virtual_now


def gate(
    rate: float,
    *,
    burst: int = 1,
    concurrency: int = 8,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Gate:
    return Gate(
        requests_per_second=rate, burst=burst, concurrency=concurrency, clock=virtual_now, sleep=sleep
    )


async def pass_through(gate: Gate, starts: list[float], latency: float = 0.0) -> None:
    async with gate.slot():
        starts.append(virtual_now())
        await asyncio.sleep(latency)


async def pass_all(gate: Gate, count: int, latency: float = 0.0) -> tuple[list[float], float]:
    """When each request started, and when all were done."""
    starts: list[float] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(pass_through(gate, starts, latency))
    return starts, virtual_now()


@pytest.mark.parametrize(("count", "rate", "latency"), [(300, 200.0, 0.020), (1400, 10.0, 0.050)])
def test_the_pipe_is_kept_full_and_no_fuller(count: int, rate: float, latency: float) -> None:
    async def main() -> tuple[list[float], float]:
        return await pass_all(gate(rate), count, latency)

    starts, end = in_virtual_time(main)

    assert starts == pytest.approx([number / rate for number in range(count)])
    assert end == pytest.approx((count - 1) / rate + latency)


@pytest.mark.parametrize(("rate", "lateness"), [(200.0, 0.002), (1000.0, 0.004)])
def test_late_timers_do_not_lower_the_rate(rate: float, lateness: float) -> None:
    async def late(seconds: float) -> None:
        await asyncio.sleep(seconds + lateness)

    async def main() -> tuple[list[float], float]:
        return await pass_all(gate(rate, concurrency=1000, sleep=late), 1000)

    starts, end = in_virtual_time(main)

    assert end == pytest.approx(999 / rate, abs=1.5 * lateness)
    assert all(start >= number / rate - 1e-9 for number, start in enumerate(starts))


def test_a_stall_is_not_made_up_for_in_a_rush() -> None:
    stalled = False

    async def sleep(seconds: float) -> None:
        nonlocal stalled
        stall = 5.0 if virtual_now() > 1 and not stalled else 0.0
        stalled = stalled or stall > 0
        await asyncio.sleep(seconds + stall)

    async def main() -> tuple[list[float], float]:
        return await pass_all(gate(100.0, sleep=sleep), 300)

    starts, _ = in_virtual_time(main)

    after = [start for start in starts if start > 2]
    assert sum(start < after[0] + 0.1 - 1e-9 for start in after) <= 10 + 5 + 1


def test_a_burst_may_go_after_a_rest_and_no_more() -> None:
    async def main() -> tuple[list[float], list[float]]:
        host = gate(10.0, burst=3)
        first, _ = await pass_all(host, 5)
        await asyncio.sleep(100)
        second, _ = await pass_all(host, 5)
        return first, [start - second[0] for start in second]

    first, second = in_virtual_time(main)

    assert first == pytest.approx([0, 0, 0, 0.1, 0.2])
    assert second == pytest.approx([0, 0, 0, 0.1, 0.2])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.sampled_from([0.0, 0.05, 0.3]), st.booleans()), min_size=1, max_size=40
    ),
    st.integers(1, 4),
)
def test_no_span_of_time_has_more_than_the_bucket_holds(
    arrivals: list[tuple[float, float, bool]], burst: int
) -> None:
    rate = 10.0

    async def main() -> list[float]:
        host = gate(rate, burst=burst)
        starts: list[float] = []

        async def arrive(delay: float, latency: float, gives_up: bool) -> None:
            await asyncio.sleep(delay)
            try:
                async with asyncio.timeout(0.15 if gives_up else None):
                    await pass_through(host, starts, latency)
            except TimeoutError:
                pass

        await asyncio.gather(*(arrive(*arrival) for arrival in arrivals))
        return starts

    starts = in_virtual_time(main)

    for first, start in enumerate(starts):
        for last in range(first, len(starts)):
            assert last - first + 1 <= burst + rate * (starts[last] - start) + 1e-6


def test_requests_go_in_the_order_of_their_arrival() -> None:
    async def main() -> list[int]:
        host = gate(10.0, concurrency=2)
        order: list[int] = []

        async def one(number: int) -> None:
            async with host.slot():
                order.append(number)
                await asyncio.sleep(0.3 if number % 3 else 0.0)

        await asyncio.gather(*(one(number) for number in range(30)))
        return order

    assert in_virtual_time(main) == list(range(30))


def test_no_more_than_the_limit_are_under_way() -> None:
    async def main() -> int:
        host = gate(1000.0, concurrency=3)
        under_way = most = 0

        async def one() -> None:
            nonlocal under_way, most
            async with host.slot():
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(1)
                under_way -= 1

        await asyncio.gather(*(one() for _ in range(20)))
        return most

    assert in_virtual_time(main) == 3


def test_tokens_are_not_saved_up_while_there_is_no_room() -> None:
    async def main() -> list[float]:
        host = gate(1.0, concurrency=2)
        starts: list[float] = []
        latencies = [100.0, 100.0, 0.0, 0.0, 0.0, 0.0]
        await asyncio.gather(*(pass_through(host, starts, latency) for latency in latencies))
        return starts

    assert in_virtual_time(main) == pytest.approx([0, 1, 100, 101, 102, 103])


def test_who_gives_up_waiting_takes_no_token_and_no_room() -> None:
    async def main() -> list[float]:
        host = gate(1.0, concurrency=2)
        starts: list[float] = []
        await pass_through(host, starts)
        waiting = [asyncio.create_task(pass_through(host, starts)) for _ in range(10)]
        await asyncio.sleep(0.5)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.gather(*(pass_through(host, starts, latency=5.0) for _ in range(2)))
        return starts

    assert in_virtual_time(main) == pytest.approx([0.0, 1.0, 2.0])


def test_who_is_canceled_under_way_leaves_room() -> None:
    async def main() -> list[float]:
        host = gate(10.0, concurrency=1)
        starts: list[float] = []
        task = asyncio.create_task(pass_through(host, starts, latency=1000.0))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pass_through(host, starts)
        return starts

    assert in_virtual_time(main) == pytest.approx([0.0, 0.1])


def test_a_pause_holds_those_that_wait_already() -> None:
    async def main() -> list[float]:
        host = gate(1.0, burst=4)
        starts: list[float] = []
        tasks = [asyncio.create_task(pass_through(host, starts)) for _ in range(7)]
        await asyncio.sleep(0.5)
        host.pause(10.0)
        host.pause(2.0)  # does not shorten it
        await asyncio.gather(*tasks)
        return starts

    starts = in_virtual_time(main)

    assert starts == pytest.approx([0, 0, 0, 0, 10.5, 11.5, 12.5])


def test_a_pause_empties_the_bucket() -> None:
    async def main() -> list[float]:
        host = gate(1.0, burst=4)
        host.pause(10.0)
        starts, _ = await pass_all(host, 3)
        return starts

    starts = in_virtual_time(main)

    assert starts[0] == pytest.approx(10.0)
    assert [later - earlier for earlier, later in pairwise(starts)] == pytest.approx([1.0, 1.0])
