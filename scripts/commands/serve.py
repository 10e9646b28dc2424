"""`factorql serve`: the dashboard, the graph and REST on a port."""

from __future__ import annotations

import asyncio
import errno
import socket

import click

from app.settings import Settings
from scripts.console import fail, failing_in_one_line, holding_interrupts, load_settings
from scripts.importing import collector_paused


@click.command(help="Serve the dashboard at /, GraphiQL at /graphql, REST (/docs describes it), and /health.")
@click.option("--host", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 8000 by default, 0 = any free one.")
def command(host: str | None, port: int | None) -> None:
    settings = load_settings()
    given = {"host": host, "port": port}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    serve(settings)


def serve(settings: Settings) -> None:
    """Serve until interrupted. Ends the command in one line where it cannot start."""
    # imported here: the server is heavy, and help and mistakes should be quick
    with collector_paused():
        import uvicorn

        from app.boundary.access import check_bind
        from app.boundary.server import WindingUpServer, uvicorn_options
        from app.main import create_app
        from app.storage.places import prepare_data_dir
        from db.store import Store

    async def store_opens() -> None:
        await (await Store.open(settings.store_url)).close()

    with failing_in_one_line(settings):
        check_bind(settings.host, settings)
        prepare_data_dir(settings)
        asyncio.run(store_opens())
        listener = _listen(settings.host, settings.port)
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        with holding_interrupts() as interrupted:
            click.echo(f"FactorQL serves at http://{shown}:{port} (GraphiQL at /graphql; stop with Ctrl-C)")
            with collector_paused():
                app = create_app(settings)
            server = WindingUpServer(
                uvicorn.Config(app, **uvicorn_options(settings)),
                before_shutdown=lambda: app.state.services.events.end_waits(),
                interrupted=interrupted,
            )
            server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        fail(f"cannot listen on {host}: {error.strerror}")
    listener = socket.socket(address[0], socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address[4])
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            fail(f"port {port} on {host} is taken", hint="choose another with --port")
        fail(f"cannot listen on {host}:{port}: {error.strerror}")
    listener.set_inheritable(True)
    return listener
