"""The process that writes the store; started by ``store_writer``, asked by lines, ended by the system if it hangs.

RocksDB, which keeps the store, may wait for ever after it could not write, most of all when it is closed, and lets no
other thread of Python run meanwhile, nor a signal's handler. So the store is opened for writing here and nowhere else,
and an alarm without handler ends this process whatever its threads wait for. It is started for every change, and so
imports nothing of filiation.

A request is one line of JSON, ``{"graph": IRI, "size": bytes, "limit": seconds}``, followed by that many bytes of
N-Triples, which take the place of the graph, or with ``"part": true`` come to what is there; without ``size`` the graph
is removed. Without ``graph``, they are N-Quads, which come to what is there. ``{"merge": true, "limit": seconds}`` asks
a process that was started with ``merging`` to put all tables together. Each is answered by one line when it is on disk,
as is the opening: ``{}``, or ``{"error": …}`` as the last one.

RocksDB puts two tables together as soon as both have been written, and these with larger ones, so that of a large store
each crate would be written again dozens of times. It cannot be told not to. Who only brings something in shares one
processor with the threads that do so, which yield to it, and ends before they get far; how many tables may lie beside
each other is ``store_parts``'s to see to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress

import pyoxigraph as ox

CLOSING = 10
"""Seconds that closing may take: everything is on disk by then."""


def main() -> None:
    """Open the store that the first argument names and change it as asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is interrupted too, and ends this process
    signal.alarm(int(sys.argv[2]))
    is_merging = sys.argv[3:] == ["merging"]
    try:
        if not is_merging:
            _stay_on_one_processor()
        store = ox.Store(sys.argv[1])
        _answer({})
        for line in sys.stdin.buffer:
            asked = json.loads(line)
            signal.alarm(asked["limit"])
            body = sys.stdin.buffer.read(asked["size"]) if "size" in asked else None
            if not is_merging:
                _let_merging_yield()
            if "graph" in asked:
                _change(store, ox.NamedNode(asked["graph"]), body, is_part=asked.get("part", False))
            elif body is not None:
                _load(store, body)
            elif is_merging:
                store.optimize()
            _answer({})
    except Exception as error:
        _answer({"error": str(error) or repr(error)})
        os._exit(1)  # closing what could not be written is what may last for ever
    signal.alarm(CLOSING)
    if is_merging:
        del store
    os._exit(0)  # nothing is left to do, and the interpreter, as the threads that yield, takes its time


def _stay_on_one_processor() -> None:
    with suppress(AttributeError, OSError):  # systems without it, or that forbid it: then it costs more
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})


def _let_merging_yield() -> None:
    with suppress(OSError):
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - its import is paid by each start
            with open(f"/proc/self/task/{thread}/comm") as name:  # noqa: PTH123
                if name.read().startswith("rocksdb:low"):
                    os.setpriority(os.PRIO_PROCESS, int(thread), 19)


def _change(store: ox.Store, graph: ox.NamedNode, body: bytes | None, *, is_part: bool) -> None:
    is_there = store.contains_named_graph(graph)
    if body is None:
        if not is_there:
            return
        store.remove_graph(graph)
    elif is_part:
        _load(store, body, graph)
        return
    elif is_there:
        # Only an update drops and inserts in one transaction.
        triples = body.decode("utf-8")
        store.update(f"DROP SILENT GRAPH {graph} ; INSERT DATA {{ GRAPH {graph} {{\n{triples}}} }}")
    else:
        store.load(body, format=ox.RdfFormat.N_TRIPLES, to_graph=graph)
    store.flush()


def _load(store: ox.Store, body: bytes, graph: ox.NamedNode | None = None) -> None:
    """Write tables of their own; they are on disk afterwards.

    Transactions cost four times the time and the room, and hold everything in memory. What comes was written by the
    same library, which need not look at each IRI again.
    """
    kind = ox.RdfFormat.N_QUADS if graph is None else ox.RdfFormat.N_TRIPLES
    store.bulk_load(body, format=kind, to_graph=graph, lenient=True)


def _answer(answer: dict[str, str]) -> None:
    signal.alarm(0)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
