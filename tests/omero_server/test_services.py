"""No call is left without an answer, and the server runs as a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

omero = pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)

from tests.omero_server.fixtures import SignIn  # noqa: E402
from tests.omero_server.server import SERVANTS  # noqa: E402
from tests.omero_server.services.signing_in import Router, SessionServant  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", [*SERVANTS.values(), Router, SessionServant], ids=lambda service: service.__name__)
def test_every_operation_has_both_forms_and_none_is_the_stub_that_never_answers(service: type):
    operations = [name.removeprefix("_op_") for name in dir(service) if name.startswith("_op_")]

    stubs = [
        name
        for operation in operations
        if not operation.startswith("ice_")
        for name in (operation, f"{operation}_async")
        if getattr(service, name).__module__ != "tests.omero_server.services.service"
    ]

    assert stubs == []


@pytest.mark.parametrize("service", [*SERVANTS.values(), Router, SessionServant], ids=lambda service: service.__name__)
def test_whatever_a_service_does_is_an_operation_of_its_interface(service: type):
    done = {name.removeprefix("do_") for name in dir(service) if name.startswith("do_")}

    assert sorted(name for name in done if not hasattr(service, f"_op_{name}")) == []


@pytest.mark.parametrize(
    ("getter", "operation", "arguments"),
    [
        ("getAdminService", "changePassword", (None,)),
        ("getUpdateService", "indexObject", (None,)),
        ("getRenderingSettingsService", "getRenderingSettings", (1,)),
        ("createSearchService", "byTagForGroups", ("x",)),
    ],
)
def test_a_call_that_nobody_wrote_is_named(
    getter: str, operation: str, arguments: tuple[Any, ...], omero_server: Any, gateway: Any
):
    service = getattr(gateway.c.sf, getter)()

    with pytest.raises(omero.InternalException, match=rf"the test server does not know \w+\.{operation}"):
        getattr(service, operation)(*arguments)


@pytest.fixture
def own_process() -> Iterator[dict[str, Any]]:
    """Give what a server in a process of its own says of itself."""
    command = [sys.executable, "-m", "tests.omero_server", "--huge", "0.25"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield json.loads(server.stdout.readline())
        server.stdin.close()
        assert server.wait(timeout=120) == 0


def test_a_server_in_a_process_of_its_own_serves_and_ends_with_its_input(own_process: dict[str, Any]):
    place = SignIn(own_process["host"], own_process["port"], own_process["user"], own_process["password"])
    gateway = place.connect()
    huge = gateway.getObject("Image", own_process["huge"])

    assert huge.getSizeX() * huge.getSizeY() * huge.getSizeZ() * huge.getSizeC() * 2 == 2**28
    assert huge.getPrimaryPixels().getTile(1, 1, 0, (0, 0, 1, 1))[0, 0] == 131 + 7919
    gateway.close()


@pytest.mark.slow
def test_tests_that_plant_nothing_run_on_any_server(own_process: dict[str, Any]):
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    real = {f"OMERO_TEST_{name}": str(own_process[key]) for name, key in names.items()}
    chosen = [f"tests/omero_server/test_{name}.py" for name in ("sign_in", "pixels", "writing", "other_clients")]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        cwd=ROOT,
        env={**os.environ, **real},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 18, done.stdout
