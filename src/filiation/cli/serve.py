"""``filiation serve``: the catalogue as pages, for those who never open a terminal."""

from __future__ import annotations

import secrets
import signal
import socket
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option
from filiation.cli.output import remark, say, say_json
from filiation.errors import BadInputError, MissingExtraError

if TYPE_CHECKING:
    from fastapi import FastAPI


@click.command(epilog=example("filiation serve", "filiation serve --port 0 --no-browser --catalogue /data/lab"))
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True, help="0 for any that is free.")
@click.option("--host-name", "names", multiple=True, metavar="NAME", help="A name that browsers may call it by.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the first page in a browser.")
@json_option
@catalogue_option
def serve(host: str, port: int, names: tuple[str, ...], browser: bool, as_json: bool, catalogue: str | None) -> None:
    """Show the catalogue as pages in a browser, read-only.

    The address that is printed lets one browser in, once. Only this machine can reach it, unless --host says otherwise;
    nothing is asked of any other machine. Ctrl-C ends it.
    """
    try:
        from filiation.web.application import create_app, prepare
        from filiation.web.settings import WebSettings
    except ImportError as error:
        raise MissingExtraError(
            f"Pages need the extra 'web', which is not installed ({error.name}): pip install 'filiation[web]'"
        ) from error
    token = secrets.token_urlsafe(24)
    with _listening(host, port) as listening:
        port = listening.getsockname()[1]
        settings = WebSettings(catalogue, host, port, tuple(names), token)
        app = create_app(settings)
        prepare(app)
        address = f"http://{_name(host)}:{port}/?token={token}"
        folder = str(app.state.questions.folder)
        if as_json:
            say_json({"address": address, "catalogue": folder})
        else:
            say(f"The catalogue {folder} is at\n\n  {address}\n")
        remark("The address lets one browser in, once. Ctrl-C ends the server.")
        if browser:
            click.launch(address)
        _run(app, listening)


def _run(app: FastAPI, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app, log_level="warning", server_header=False, access_log=False, lifespan="off", timeout_graceful_shutdown=5
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be ended by either is no failure
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        remark("Stopped.")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # whoever comes as soon as the address is printed waits, and is not turned away
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise BadInputError(
            f"Cannot listen at {host}, port {port}: {reason}. Name another port; --port 0 takes any that is free."
        ) from error
    return listening


def _name(host: str) -> str:
    return f"[{host}]" if ":" in host else host
