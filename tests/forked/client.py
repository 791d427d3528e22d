"""The program that stands for a process of :mod:`tests.forked`: says what to do, passes signals on, ends as it ended.

It is written out with the constants in it, and run without site-packages so that it starts in a few milliseconds.
"""

import _signal
import _socket
import os
import sys
from array import array

PYTHON = ""
OF_THE_INTERPRETER: tuple[str, ...] = ()
ENVIRONMENT: dict[str, str] = {}
# The constants


def main() -> None:
    """Have it done by a fork, or become the real Python."""
    name = os.path.basename(sys.argv[0])
    arguments = sys.argv[1:] if name == "python" else ["-m", name, *sys.argv[1:]]
    program = arguments[1] if arguments[:1] == ["-m"] and len(arguments) > 1 else ""
    ours = {key: value for key, value in os.environ.items() if key.startswith(OF_THE_INTERPRETER)}
    # `filiation step` is fast by itself, and knows its job by how the processes above it were started.
    job = arguments[2:3] == ["step"] or "--target-jobs" in arguments
    forked = program in ("snakemake", "filiation") and not job
    if not forked or ours != ENVIRONMENT:
        os.execv(PYTHON, [PYTHON, *arguments])
    end(ask(f"{os.path.dirname(os.path.abspath(sys.argv[0]))}/{program}.socket", arguments[2:]))


def ask(address: str, arguments: list[str]) -> int:
    """Return the exit status of a fork, negative for a signal."""
    umask = os.umask(0)
    os.umask(umask)
    environment = [item for pair in os.environ.items() for item in pair]
    parts = [str(umask), os.getcwd(), str(len(arguments)), *arguments, *environment]
    task = b"\0".join(os.fsencode(part) for part in parts)
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect(address)
    streams = array("i", [0, 1, 2])
    server.sendmsg([len(task).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    server.sendall(task)
    process = int.from_bytes(server.recv(8), "big", signed=True)
    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda number, _: os.kill(process, number))
    status = server.recv(8)
    assert status, "The server of the forks has ended."
    return int.from_bytes(status, "big", signed=True)


def end(status: int) -> None:
    """End as the fork did."""
    if status < 0:
        if status != -_signal.SIGKILL:
            _signal.signal(-status, _signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main()
