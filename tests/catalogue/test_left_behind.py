"""What a killed run left is told apart from what was made at the same place since."""

from __future__ import annotations

import os
import time
from pathlib import Path

from filiation.capture.journal import JournalWriter
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.model import Presence

RUN = "0d273356-0000-4000-8000-000000000001"


def test_what_was_written_after_the_last_sign_of_life_is_not_claimed(tmp_path: Path) -> None:
    home = CatalogueFolder.create(tmp_path / ".filiation")
    writer = JournalWriter(home.journals / f"{RUN}.jsonl")
    writer.append("run_started", {"run": RUN, "rundir": str(tmp_path), "arguments": []})
    for job, name in enumerate(("left.txt", "since.txt", "done.txt")):
        output = [{"name": "output[0]", "path": name}]
        writer.append("job_started", {"job": job, "rule": "one", "kind": "shell", "input": [], "output": output})
        (tmp_path / name).write_text(name)
    writer.append("job_finished", {"job": 2, "output": {}})
    writer.close()
    later = time.time() + 60
    os.utime(tmp_path / "since.txt", (later, later))

    run = pack(home, RUN).run

    found = {entity.path: (entity.presence, entity.digest is not None) for entity in run.entities}
    assert found["left.txt"] == (Presence.PRESENT, True)
    assert found["since.txt"] == (Presence.CHANGED, False)
    assert found["done.txt"] == (Presence.PRESENT, True)
