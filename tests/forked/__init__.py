"""Snakemake and the command line in processes of their own that need not import anything first.

Most of what a Snakemake of a test costs is its imports: 1.5 s of a processor, and 0.2 s for a command of ours. Here
one process of each kind imports them once; `python -m snakemake` and `python -m filiation` are then forks of it, with
the arguments, folder, environment, umask and streams of who started them, and with their exit status. The `python` that
:func:`python` names is a program like any other and may be started from Python, a shell or Snakemake. Whatever else it
is asked for is done by the real one: ``-c``, a script, an environment that changes how Python starts, the job of a
cluster, ``filiation step``.

A fork is not for tests that kill what they started, or that look at how it started: those take ``sys.executable``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

PROGRAMS = ("snakemake", "filiation")
OF_THE_INTERPRETER = ("PYTHON", "LC_", "LANG", "LD_")
"""How variables begin that are read before anything is imported: where they differ, no fork will do."""
_HERE = Path(__file__).parent


@cache
def python() -> str:
    """Return the path of a ``python`` that forks; ``snakemake`` and ``filiation`` lie beside it."""
    if not hasattr(os, "pidfd_open"):
        return sys.executable
    folder = Path(tempfile.mkdtemp(prefix="forked-"))
    servers = [_server(folder, program) for program in PROGRAMS]
    client = (_HERE / "client.py").read_text()
    first = f"#!{sys.executable} -IS\n"
    environment = {name: value for name, value in os.environ.items() if name.startswith(OF_THE_INTERPRETER)}
    constants = {"PYTHON": sys.executable, "OF_THE_INTERPRETER": OF_THE_INTERPRETER, "ENVIRONMENT": environment}
    written = "".join(f"{name} = {value!r}\n" for name, value in constants.items())
    for name in ("python", *PROGRAMS):
        (folder / name).write_text(first + client.replace("# The constants\n", written))
        (folder / name).chmod(0o755)
    atexit.register(_end, folder, servers)
    return str(folder / "python")


def _server(folder: Path, program: str) -> subprocess.Popen[bytes]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / f"{program}.socket"))
        listening.listen(64)
        command = [sys.executable, "-P", str(_HERE / "server.py"), program, str(listening.fileno())]
        command += [str(folder / "python")]
        # It ends when its standard input does: with this process, however that ends.
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, pass_fds=[listening.fileno()], start_new_session=True, cwd="/"
        )


def _end(folder: Path, servers: list[subprocess.Popen[bytes]]) -> None:
    for server in servers:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
    shutil.rmtree(folder)
