"""From a queued run to its committed result: claim, heartbeat, child process, reap, recover."""
