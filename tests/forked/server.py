"""The process that has imported a program and forks for each start of it; see :mod:`tests.forked`."""

from __future__ import annotations

import array
import gc
import importlib
import io
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass

OWN = ("snakemake_logger_plugin_filiation", "snakemake_report_plugin_filiation", "snakemake_storage_plugin_omero")
"""Plugins that a process imports itself: what they do then depends on its environment."""


@dataclass(frozen=True)
class Task:
    """What a process shall be."""

    umask: int
    folder: str
    arguments: list[str]
    environment: dict[str, str]
    streams: list[int]


def import_snakemake() -> None:
    """Import what every Snakemake imports before it knows what to do."""
    import snakemake.cli  # noqa: F401

    for module in pkgutil.iter_modules():
        if module.name.startswith("snakemake_") and "_plugin_" in module.name and module.name not in OWN:
            importlib.import_module(module.name)


def import_filiation() -> None:
    """Import every module of the package that needs no extra."""
    import filiation

    for module in pkgutil.walk_packages(filiation.__path__, "filiation.", onerror=lambda _: None):
        if ".omero" not in module.name and not module.name.endswith(("__main__", "_process")):
            importlib.import_module(module.name)


def serve(listening: socket.socket) -> Task | None:
    """Start processes until standard input ends; in a process that was started, return what it shall be."""
    waiting = selectors.DefaultSelector()
    waiting.register(listening, selectors.EVENT_READ, "start")
    waiting.register(0, selectors.EVENT_READ, "end")
    connections: dict[int, tuple[socket.socket, int]] = {}  # process -> its client, its pidfd
    while True:
        for key, _ in waiting.select():
            if key.data == "end":
                for process in connections:
                    os.kill(process, signal.SIGKILL)
                return None
            if key.data == "start":
                connection, _ = listening.accept()
                task = receive(connection)
                if task is None:
                    continue
                process = os.fork()
                if process == 0:
                    waiting.close()
                    listening.close()
                    connection.close()
                    for other, watched in connections.values():
                        other.close()
                        os.close(watched)
                    return task
                for stream in task.streams:
                    os.close(stream)
                watched = os.pidfd_open(process)
                connections[process] = connection, watched
                waiting.register(watched, selectors.EVENT_READ, ("ended", process))
                waiting.register(connection, selectors.EVENT_READ, ("left", process))
                send(connection, process)
            elif key.data[1] in connections:
                what, process = key.data
                if what == "left":  # who started it was killed
                    os.kill(process, signal.SIGKILL)
                connection, watched = connections.pop(process)
                waiting.unregister(watched)
                waiting.unregister(connection)
                send(connection, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
                os.close(watched)
                connection.close()


def receive(connection: socket.socket) -> Task | None:
    """Read a task and the three streams that come with it; None from one who left."""
    streams = array.array("i")
    size, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_LEN(3 * streams.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            streams.frombytes(data)
    left = int.from_bytes(size, "big")
    parts = []
    while left and (part := connection.recv(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    if left or not parts:
        return None
    umask, folder, count, *words = (os.fsdecode(word) for word in b"".join(parts).split(b"\0"))
    pairs = words[int(count) :]
    environment = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return Task(int(umask), folder, words[: int(count)], environment, list(streams))


def send(connection: socket.socket, number: int) -> None:
    """Tell a client a number, if it is still there."""
    try:
        connection.sendall(number.to_bytes(8, "big", signed=True))
    except OSError:
        return


def become(program: str, task: Task) -> None:
    """Be the process that was asked for."""
    for number, stream in enumerate(task.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(task.folder)
    os.umask(task.umask)
    os.environ.clear()
    os.environ.update(task.environment)
    time.tzset()
    sys.stdin = sys.__stdin__ = reopened(sys.stdin, "r")
    sys.stdout = sys.__stdout__ = reopened(sys.stdout, "w")
    sys.stderr = sys.__stderr__ = reopened(sys.stderr, "w")
    sys.path.insert(0, task.folder)
    sys.executable = sys.argv[3]  # what it starts in turn is forked too
    sys.argv[1:] = task.arguments
    runpy.run_module(program, run_name="__main__", alter_sys=True)


def reopened(stream: io.TextIOWrapper, mode: str) -> io.TextIOWrapper:
    """Return a standard stream as Python would have opened it."""
    number = stream.fileno()
    at_once = mode == "w" and bool(os.environ.get("PYTHONUNBUFFERED"))
    raw = open(number, f"{mode}b", 0 if at_once else -1, closefd=False)  # noqa: SIM115
    by_line = number == 2 or os.isatty(number)
    return io.TextIOWrapper(
        raw, stream.encoding, stream.errors, line_buffering=by_line and not at_once, write_through=at_once
    )


def main() -> None:
    """Import, serve, and in each fork become what was asked for."""
    program = sys.argv[1]
    listening = socket.socket(fileno=int(sys.argv[2]))
    os.set_inheritable(listening.fileno(), False)
    {"snakemake": import_snakemake, "filiation": import_filiation}[program]()
    gc.collect()
    gc.freeze()
    task = serve(listening)
    if task is not None:
        del listening
        become(program, task)


if __name__ == "__main__":
    main()
