"""``filiation serve``: the catalogue as pages, for those who never open a terminal."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from filiation.catalogue import CatalogueFolder
from filiation.cli.options import catalogue_option, example, json_option
from filiation.cli.output import remark, say, say_json
from filiation.errors import BadInputError, MissingExtraError

if TYPE_CHECKING:
    from filiation.web.access.settings import AccessSettings
    from filiation.web.settings import WebSettings


@click.command(epilog=example("filiation serve", "filiation serve --port 0 --no-browser --catalogue /data/lab"))
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True, help="0 for any that is free.")
@click.option("--host-name", "names", multiple=True, metavar="NAME", help="A name that browsers may call it by.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the first page in a browser.")
@click.option("--settings", "file", metavar="FILE", help="Who may look, where a token does not do: serve.toml.")
@click.option("--unix", metavar="SOCKET", help="Listen at a unix socket, for a reverse proxy on this machine.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    metavar="N",
    help="How many answer at once; as many as processors unless said, at most 4.",
)
@json_option
@catalogue_option
def serve(
    host: str,
    port: int,
    names: tuple[str, ...],
    browser: bool,
    file: str | None,
    unix: str | None,
    processes: int | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Show the catalogue as pages in a browser, read-only.

    The address that is printed lets one browser in, once. Only this machine can reach it, unless --host says otherwise;
    nothing is asked of any other machine. Ctrl-C ends it.
    """
    try:
        from filiation.web.access.settings import TOKEN, AccessSettings, read_settings
        from filiation.web.settings import WebSettings
        from filiation.web.workers import processes_here
    except ImportError as error:
        raise MissingExtraError(
            f"Pages need the extra 'web', which is not installed ({error.name}): pip install 'filiation[web]'"
        ) from error
    access = AccessSettings() if file is None else read_settings(Path(file))
    token = secrets.token_urlsafe(24) if access.kind == TOKEN else None
    folder = CatalogueFolder.find(catalogue).root.absolute()
    with _listening(host, port) if unix is None else _listening_at(Path(unix)) as listening, ExitStack() as opened:
        if unix is None:
            port = listening.getsockname()[1]
        address = _address(access, unix, f"http://{_name(host)}:{port}/", token)

        def begun() -> None:
            if as_json:
                say_json({"address": address, "catalogue": str(folder)})
            else:
                say(f"The catalogue {folder} is at\n\n  {address}\n")
            if token is not None:
                remark("The address lets one browser in, once. Ctrl-C ends the server.")
                if not host.startswith("127.") and host not in ("localhost", "::1") and unix is None:
                    remark("Whoever is between can read along: for other machines, put a proxy with TLS before it.")
            if browser and token is not None and unix is None:
                opened.enter_context(_opened(address))

        settings = WebSettings(folder, host, port, tuple(names), token, access=access)
        _serve(settings, listening, processes or processes_here(), begun)


def _serve(settings: WebSettings, listening: socket.socket, processes: int, begun: Callable[[], None]) -> None:
    """Answer until somebody ends it, by this process or by several others."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be ended by it is no failure
    try:
        if processes > 1:
            from filiation.web.workers import serve_by_many

            serve_by_many(settings, listening, processes, begun=begun, tell=remark)
        else:
            from filiation.web.application import create_app, prepare
            from filiation.web.serving import answer

            app = create_app(settings)
            prepare(app)
            answer(app, listening, begun)
    except KeyboardInterrupt:
        remark("Stopped.")


@contextmanager
def _opened(address: str) -> Iterator[None]:
    """Open an address in the user's browser by a page that only they may read: arguments can be read by everybody."""
    with TemporaryDirectory(prefix="filiation-", dir=os.environ.get("XDG_RUNTIME_DIR") or None) as private:
        entrance = Path(private) / "entrance.html"
        link = escape(address)
        entrance.write_text(
            f'<!doctype html><meta charset="utf-8"><title>filiation</title><meta http-equiv="refresh" '
            f'content="0;url={link}"><a href="{link}">filiation</a>\n'
        )
        click.launch(str(entrance))
        yield


def _address(access: AccessSettings, unix: str | None, address: str, token: str | None) -> str:
    if access.oidc is not None:
        return f"{access.oidc.address}/"
    if unix is not None:
        return f"unix:{unix}" + (f" /?token={token}" if token is not None else "")
    return address if token is None else f"{address}?token={token}"


def _listening_at(path: Path) -> socket.socket:
    """Listen at a unix socket that its group may write to; one that a server left is taken away."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and listening.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink()
            listening.close()
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        path.chmod(0o660)
        listening.listen(512)
    except OSError as error:
        listening.close()
        raise BadInputError(f"Cannot listen at {path}: {error.strerror or error}. Name another socket.") from error
    return listening


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(512)  # whoever comes as soon as the address is printed waits, and is not turned away
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise BadInputError(
            f"Cannot listen at {host}, port {port}: {reason}. Name another port; --port 0 takes any that is free."
        ) from error
    return listening


def _name(host: str) -> str:
    return f"[{host}]" if ":" in host else host
