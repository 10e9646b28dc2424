"""A server as a process of its own, for tests that kill it: launches runs and executes what is queued.

python -m tests.app.execution.server STORE_URL DATA_DIR LAUNCHES
prints `ready FORKSERVER_PID` and then `ack RUN_ID SEED` for each run whose launch was committed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from db.store import Store
from tests.app.execution.queueing import executing, forkserver_of, queue, settings_for


async def serve(store_url: str, data_dir: Path, launches: int) -> None:
    settings = settings_for(store_url, data_dir, max_concurrent_runs=2)
    async with await Store.open(store_url) as store, executing(store, settings) as executor:
        print("ready", forkserver_of(executor), flush=True)
        for number in range(launches):
            act = {"act": "sleep", "seconds": 0.1} if number % 3 else {"act": "succeed", "periods": 300}
            seed = int(asyncio.get_running_loop().time() * 1e6)
            run = await queue(store, **act, seed=seed)
            executor.notify()
            print("ack", run.id, seed, flush=True)
            await asyncio.sleep(0.05)
        await asyncio.sleep(3600)


if __name__ == "__main__":
    try:
        asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
    except KeyboardInterrupt:
        sys.exit(130)
