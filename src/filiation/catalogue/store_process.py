"""The process that writes the store; started by ``store_writer``, asked by lines, ended by the system if it hangs.

RocksDB, which keeps the store, may wait for ever after it could not write, most of all when it is closed, and lets no
other thread of Python run meanwhile, nor a signal's handler. So the store is opened for writing here and nowhere else,
and an alarm without handler ends this process whatever its threads wait for. It is started for every change, and so
imports nothing of filiation.

A request is one line of JSON, ``{"graph": IRI, "size": bytes, "limit": seconds}``, followed by that many bytes of
N-Triples, which take the place of the graph, or with ``"part": true`` come to what is there; without ``size`` the graph
is removed. Without ``graph``, they are N-Quads, which come to what is there. Each is answered by one line when it is on
disk, as is the opening: ``{}``, or ``{"error": …}`` as the last one.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import pyoxigraph as ox

CLOSING = 10
"""Seconds that closing may take: everything is on disk by then."""


def main() -> None:
    """Open the store that the first argument names and change it as asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is interrupted too, and ends this process
    signal.alarm(int(sys.argv[2]))
    try:
        store = ox.Store(sys.argv[1])
        _answer({})
        for line in sys.stdin.buffer:
            asked = json.loads(line)
            signal.alarm(asked["limit"])
            body = sys.stdin.buffer.read(asked["size"]) if "size" in asked else None
            if "graph" in asked:
                _change(store, ox.NamedNode(asked["graph"]), body, is_part=asked.get("part", False))
            elif body is not None:
                store.bulk_load(body, format=ox.RdfFormat.N_QUADS)
            store.flush()
            _answer({})
    except Exception as error:
        _answer({"error": str(error) or repr(error)})
        os._exit(1)  # closing what could not be written is what may last for ever
    signal.alarm(CLOSING)
    del store
    os._exit(0)  # nothing is left to do, and the interpreter takes its time


def _change(store: ox.Store, graph: ox.NamedNode, body: bytes | None, *, is_part: bool) -> None:
    if body is None:
        store.remove_graph(graph)
    elif is_part:
        # Transactions cost four times the time and the room, and hold everything in memory.
        store.bulk_load(body, format=ox.RdfFormat.N_TRIPLES, to_graph=graph)
    elif store.contains_named_graph(graph):
        # Only an update drops and inserts in one transaction.
        triples = body.decode("utf-8")
        store.update(f"DROP SILENT GRAPH {graph} ; INSERT DATA {{ GRAPH {graph} {{\n{triples}}} }}")
    else:
        store.load(body, format=ox.RdfFormat.N_TRIPLES, to_graph=graph)


def _answer(answer: dict[str, str]) -> None:
    signal.alarm(0)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
