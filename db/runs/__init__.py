"""Runs in the store: the queue, reading and filtering, events, results, inputs."""
