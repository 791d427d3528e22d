"""Real SPARQL servers for the tests, each in a folder and on a port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

PATIENCE = 60.0
"""Seconds to wait for a server to come up."""
VIRTUOSO_ROWS = 3000
"""Rows after which the Virtuoso of the tests cuts an answer."""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@dataclass
class Server:
    """A server that can be stopped, killed and started again with what it has."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def settings(self) -> str:
        """Return the table of ``filiation.toml`` that names it."""
        raise NotImplementedError

    def start(self) -> None:
        for _ in range(5):  # somebody else may have got the port meanwhile
            with (self.folder / "server.log").open("ab") as log:
                self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
            if self._comes_up():
                return
            self.port = free_port()
        raise AssertionError(f"The server did not come up: {(self.folder / 'server.log').read_text()[-2000:]}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _comes_up(self) -> bool:
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            try:
                urlopen(self.address, timeout=PATIENCE).close()
            except HTTPError:
                return True
            except (URLError, OSError):
                time.sleep(0.05)
            else:
                return True
        return False


@dataclass
class OxigraphServer(Server):
    """``oxigraph serve``, from the package ``oxigraph``."""

    options: tuple[str, ...] = ()

    def command(self) -> list[str]:
        program = Path(sys.executable).with_name("oxigraph")
        place = ("--location", str(self.folder / "data"), "--bind", f"127.0.0.1:{self.port}")
        return [str(program), "serve", *place, *self.options]

    def settings(self) -> str:
        return f'[sparql]\ndialect = "oxigraph"\naddress = "{self.address}"\n'


@dataclass
class VirtuosoServer(Server):
    """Debian's Virtuoso, with its own user and password."""

    def command(self) -> list[str]:
        place = self.folder / "virtuoso"
        (self.folder / "v.ini").write_text(
            f"[Database]\nDatabaseFile={place}.db\nTransactionFile={place}.trx\nErrorLogFile={place}.log\n"
            f"LockFile={place}.lck\nxa_persistent_file={place}.pxa\n"
            f"[TempDatabase]\nDatabaseFile={place}-temp.db\nTransactionFile={place}-temp.trx\n"
            f"[Parameters]\nServerPort=127.0.0.1:{free_port()}\nDirsAllowed={self.folder}\n"
            "NumberOfBuffers=4000\nMaxDirtyBuffers=2500\nServerThreads=10\n"
            f"[HTTPServer]\nServerPort=127.0.0.1:{self.port}\nServerThreads=5\n"
            f"[SPARQL]\nResultSetMaxRows={VIRTUOSO_ROWS}\nMaxQueryCostEstimationTime=0\n"
        )
        Path(f"{place}.lck").unlink(missing_ok=True)
        return ["virtuoso-t", "+foreground", "+configfile", str(self.folder / "v.ini")]

    def settings(self) -> str:
        password = self.folder / "password"
        password.write_text("dba\n")
        password.chmod(0o600)
        return (
            f'[sparql]\ndialect = "virtuoso"\naddress = "{self.address}"\nuser = "dba"\npassword_file = "{password}"\n'
        )


@pytest.fixture
def oxigraph_server(tmp_path: Path) -> Iterator[OxigraphServer]:
    """Start an empty Oxigraph server."""
    folder = tmp_path / "oxigraph"
    folder.mkdir()
    server = OxigraphServer(folder)
    server.start()
    with ExitStack() as ending:
        ending.callback(lambda: server.kill())
        yield server


@pytest.fixture(scope="session")
def virtuoso_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtuosoServer]:
    """Start a Virtuoso for all tests of this process: it takes five seconds to make its database."""
    if shutil.which("virtuoso-t") is None:
        pytest.skip("Virtuoso is not installed; tests/virtuoso/install.sh does that on Debian")
    server = VirtuosoServer(tmp_path_factory.mktemp("virtuoso"))
    server.start()
    with ExitStack() as ending:
        ending.callback(lambda: server.kill())
        yield server
