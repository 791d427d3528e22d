"""Things kept in an object store, with Snakemake's own S3 plugin and a server on this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from filiation.lineage import Ledger
from filiation.model import DigestKind, Status, WorkflowRun
from tests.capture.situations import MakeProject, ancestors, only, recorded, statuses
from tests.capture.test_files import file_digest

boto3 = pytest.importorskip("boto3")
pytest.importorskip("moto")
pytest.importorskip("snakemake_storage_plugin_s3")
pytestmark = pytest.mark.slow
DONE = Status.FINISHED

SERVER = """
import sys
from moto.server import ThreadedMotoServer
said, sys.stdout = sys.stdout, sys.stderr
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
print(server.get_host_and_port()[1], file=said, flush=True)
sys.stdin.read()
"""
WORKFLOW = """
storage:
    provider="s3",
    endpoint_url="{endpoint}",
    retries=1,

rule all:
    input: storage.s3("s3://lab/end.txt")

rule first:
    input: storage.s3("s3://lab/raw data.txt")
    output: storage.s3("s3://lab/middle.txt")
    shell: "cat {{input:q}} > {{output}}; echo first >> {{output}}"

rule second:
    input: storage.s3("s3://lab/middle.txt"), "local.txt"
    output: storage.s3("s3://lab/end.txt")
    shell: "cat {{input}} > {{output}}"
"""
SECRET = "kanarieS3xQz4711"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the address of a store with a bucket ``lab``."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = f"http://127.0.0.1:{process.stdout.readline().strip()}"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "somebody")
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", SECRET)
    yield address
    process.communicate()


def contents(run: WorkflowRun) -> dict[str, str]:
    return {entity.path: str(entity.digest) for entity in run.entities if entity.digest and "txt" in entity.path}


def test_runs_join_through_what_lies_in_an_object_store(project: MakeProject, endpoint: str) -> None:
    store = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id="somebody", aws_secret_access_key=SECRET)
    store.create_bucket(Bucket="lab")
    store.put_object(Bucket="lab", Key="raw data.txt", Body=b"raw\n")
    made = project(WORKFLOW.format(endpoint=endpoint))
    made.write("local.txt", "local\n")

    result = made.snakemake("--until", "first")
    assert result.returncode == 0, result.stderr
    first = recorded(made)
    assert statuses(first) == {"first": (DONE,)}
    assert [slot.path for slot in only(first, "first").inputs] == ["s3://lab/raw%20data.txt"]
    assert contents(first) == {
        "s3://lab/raw%20data.txt": str(file_digest("raw\n")),
        "s3://lab/middle.txt": str(file_digest("raw\nfirst\n")),
    }

    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    second = recorded(made)
    assert statuses(second) == {"second": (DONE,)}
    assert contents(second) == {
        "s3://lab/middle.txt": str(file_digest("raw\nfirst\n")),
        "s3://lab/end.txt": str(file_digest("raw\nfirst\nlocal\n")),
        "local.txt": str(file_digest("local\n")),
    }
    assert {"first", "s3://lab/raw%20data.txt", "local.txt"} <= ancestors(made, second, "s3://lab/end.txt")
    reached = Ledger(made.catalogue).impact("s3://lab/raw data.txt").nodes
    assert "s3://lab/end.txt" in {str(getattr(node, "path", "")) for node in reached}
    assert all(entity.digest.kind is DigestKind.FILE for entity in second.entities if entity.digest)
    assert not [path for path in made.catalogue.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
