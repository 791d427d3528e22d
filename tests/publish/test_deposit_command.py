"""``filiation deposit`` as it is typed, and the whole way of a result: exported, sealed, deposited, read elsewhere."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from click.testing import Result
from keyring.backend import KeyringBackend

from filiation.errors import AccessError, BadInputError
from filiation.lineage import Ledger
from filiation.publish.deposits import Service, find_token
from tests.lineage.crates import CrateBuilder, nuclei_run
from tests.publish.conftest import Call
from tests.publish.inveniordm_standin import InvenioStandIn
from tests.publish.small_crate import small_crate
from tests.publish.standins import RESET_MIDWAY, TOKEN, Fault, Gate, served

LABELS = "results/ihc/nuclei.ome.zarr"
MEASURED = "results/ihc/nuclei.parquet"


class Zenodo:
    """A stand-in for Zenodo, its gate and its address."""

    def __init__(self, standin: InvenioStandIn, gate: Gate, address: str) -> None:
        self.standin, self.gate, self.address = standin, gate, address


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    standin = InvenioStandIn(is_zenodo=True)
    gate = standin.gate()
    monkeypatch.setenv("FILIATION_ZENODO_TOKEN", TOKEN)
    with served(gate) as address:
        yield Zenodo(standin, gate, address)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrateBuilder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    built = nuclei_run(tmp_path)
    Ledger(tmp_path).ingest(built.write(tmp_path / "crate"))
    return built


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_crate_is_tried_drafted_published_and_listed(
    zenodo: Zenodo, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    crate = small_crate(tmp_path / "nuclei")
    to = ("--to", "zenodo", "--server", zenodo.address)
    dry = json.loads(ok(call("deposit", crate, *to, "--dry-run")))
    assert dry["body"]["metadata"]["title"] == "Nuclei <of> kidneys"
    assert zenodo.gate.requests == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nuclei"]
    zenodo.gate.faults[8] = Fault(401)
    broken = call("deposit", crate, *to)
    assert (broken.exit_code, "The token is from FILIATION_ZENODO_TOKEN" in broken.stderr) == (11, True)
    first = ok(call("deposit", crate, *to))
    (record,) = zenodo.standin.records.values()
    page = f"{zenodo.address}/uploads/{record.id}"
    assert first == (
        f"A draft at Zenodo ({zenodo.address[7:]}), complete; its DOI will be 10.5072/rdm.{record.id}: {page}\n"
    )
    told = json.loads(ok(call("deposit", crate, *to, "--publish", "--json")))
    assert (told["state"], told["doi"], told["noted"]) == ("published", f"10.5072/rdm.{record.id}", None)
    assert TOKEN not in broken.output + first + json.dumps(told)
    listed = ok(call("deposits"))
    assert "published" in listed
    assert f"10.5072/rdm.{record.id}" in listed
    assert [each["state"] for each in json.loads(ok(call("deposits", "--json")))] == ["published"]
    contradictory = call("deposit", crate, *to, "--publish", "--discard")
    assert (contradictory.exit_code, "contradict each other" in contradictory.stderr) == (2, True)
    other = small_crate(tmp_path / "other", name="Other nuclei")
    ok(call("deposit", other, *to))
    assert ok(call("deposit", other, *to, "--discard")).startswith("The draft abcde-00002 at Zenodo")
    assert list(zenodo.standin.records) == [record.id]


def test_a_seal_is_never_broken_and_a_second_one_stands_for_the_doi(
    zenodo: Zenodo, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    crate = small_crate(tmp_path / "nuclei")
    ok(call("seal", crate, "--key", key))
    to = ("--to", "zenodo", "--server", zenodo.address)
    done = call("deposit", crate, *to)
    assert (done.exit_code, "--seal seals a copy with the DOI" in done.stderr) == (0, True)
    (record,) = zenodo.standin.records.values()
    (tmp_path / "as-it-is.zip").write_bytes(record.files["nuclei.crate.zip"].content or b"")
    assert record.files["ro-crate-metadata.json"].content == (crate / "ro-crate-metadata.json").read_bytes()
    assert "Seal 2" not in ok(call("verify", "as-it-is.zip", "--any-signer"))
    ok(call("deposit", crate, *to, "--seal", "--key", key))
    small_crate(crate, name="Other nuclei")
    unsealed = call("deposit", crate, *to, "--publish")
    assert (unsealed.exit_code, "Seal that too: --seal" in unsealed.stderr) == (2, True)
    ok(call("deposit", crate, *to, "--seal", "--key", key, "--publish"))
    (record,) = zenodo.standin.records.values()
    (tmp_path / "anew.zip").write_bytes(record.files["nuclei.crate.zip"].content or b"")
    verified = ok(call("verify", "anew.zip", "--any-signer"))
    assert "changed    ro-crate-metadata.json" in verified
    assert "Seal 2: 'deposited'" in verified


def test_tokens_come_from_the_environment_the_keyring_or_a_file_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ring(KeyringBackend):
        priority = 1
        kept: dict[tuple[str, str], str] = {}  # noqa: RUF012 - a test's own

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

    service = Service.named("zenodo")
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        with pytest.raises(AccessError, match=r"There is no token for Zenodo \(zenodo\.org\)"):
            find_token(service, {})
        usual = tmp_path / "config" / "filiation" / "tokens" / "zenodo.org"
        usual.parent.mkdir(parents=True)
        usual.write_text("from-the-usual-file\n")
        usual.chmod(0o640)
        at_home = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
        with pytest.raises(AccessError, match=r"has the mode 0640; others can reach it\. Run `chmod 600"):
            find_token(service, at_home)
        usual.chmod(0o600)
        assert find_token(service, at_home).secret == "from-the-usual-file"
        keyring.set_password("filiation", "zenodo.org", "from-the-keyring")
        assert find_token(service, at_home).secret == "from-the-keyring"
        named = tmp_path / "named"
        named.write_text("from-a-file")
        named.chmod(0o600)
        by_file = at_home | {"FILIATION_ZENODO_TOKEN_FILE": str(named)}
        assert find_token(service, by_file).secret == "from-a-file"
        assert find_token(service, by_file | {"FILIATION_ZENODO_TOKEN": "from-here"}).secret == "from-here"
    finally:
        keyring.set_keyring(before)
    for wrong in ("two words", "a\nb", "größe"):
        with pytest.raises(BadInputError, match="FILIATION_ZENODO_TOKEN holds no token") as caught:
            find_token(service, {"FILIATION_ZENODO_TOKEN": wrong})
        assert wrong not in str(caught.value)


@pytest.mark.slow
def test_a_result_goes_the_whole_way_to_somebody_elses_empty_folder(
    run: CrateBuilder, zenodo: Zenodo, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signers = tmp_path / "signers"
    signers.write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    asked = json.loads(ok(call("trace", LABELS, "--json")))
    ok(call("export", LABELS, "--to", "nuclei", "--license", "CC-BY-4.0", "--description", "Labels of kidneys"))
    zenodo.gate.faults[9] = Fault(RESET_MIDWAY)
    to = ("--to", "zenodo", "--server", zenodo.address)
    told = json.loads(ok(call("deposit", "nuclei", *to, "--seal", "--key", key, "--publish", "--json")))
    assert (told["state"], told["problems"]) == ("published", [])

    # The catalogue knows it: as a publication that the label image is in, and that the image led to.
    assert told["noted"] >= 1
    doi = f"https://doi.org/{told['doi']}"
    assert doi in ok(call("impact", "results/ihc/image.ome.zarr", "--published"))
    assert LABELS in ok(call("find", "entity", f"annotation.doi={told['doi']}"))
    (noted,) = [each for each in Ledger(tmp_path).annotations() if each.key == "doi"]
    assert (noted.value, "published at Zenodo" in str(noted.why)) == (told["doi"], True)

    # Somebody else has what was published, and nothing but that.
    (record,) = zenodo.standin.published()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, file in record.files.items():
        assert file.content is not None
        (elsewhere / name).write_bytes(file.content)
    monkeypatch.chdir(elsewhere)
    verified = ok(call("verify", "nuclei.crate.zip", "--signers", signers, "--require", "ada@example.org"))
    assert "ada@example.org" in verified
    assert told["doi"] in (elsewhere / "ro-crate-metadata.json").read_text()
    ok(call("import", "nuclei.crate.zip", "--signers", signers, "--require-signer", "ada@example.org"))
    again = json.loads(ok(call("trace", f"{run.id}:{LABELS}", "--json")))
    assert [node["iri"] for node in again["nodes"]] == [node["iri"] for node in asked["nodes"]]
