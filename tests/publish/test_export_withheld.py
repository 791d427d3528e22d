"""What is to stay stays: secrets wherever a run writes, and what a policy names. An export says how much."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.policy import read_policy
from filiation.errors import BadInputError
from filiation.lineage import Ledger
from filiation.publish.export import ExportReport, ExportSettings, export, plan_export
from filiation.publish.importing import import_crate
from tests.lineage.crates import CrateBuilder

CANARIES = [f"cAnaRy{number:02d}x9Zk27pQ" for number in range(30)]
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----"


@pytest.fixture
def leaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrateBuilder:
    """Record a run, and write a secret wherever something can be written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_TOKEN", CANARIES[0])
    monkeypatch.setenv("OMERO_SESSION", CANARIES[1])
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.netrc").write_text(f"machine omero.example.org login ada password {CANARIES[2]}\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    c = iter(CANARIES[3:])
    run = CrateBuilder(tmp_path)
    run.job(
        "fetch", ("https://omero.example.org/Image/51",), {"results/raw.tif": "pixels"},
        parameters={"api_token": next(c), "address": f"https://ada:{next(c)}@host/x",
                    "options": {"value": f'{{"password": "{next(c)}"}}', "usedValue": f'{{"secret": "{next(c)}"}}'}},
        description=f"fetch --token {next(c)} raw.tif", error=f"401 for {CANARIES[0]}",
        wildcards=json.dumps({"session": CANARIES[1]}), resources=json.dumps({"db_password": next(c)}),
        reason=f"Authorization: Bearer {next(c)}1", host=f"node?sig={next(c)}",
        schedulerJob=f"sshpass -p {next(c)} ssh x", command=f"curl -u ada:{next(c)} https://h/{CANARIES[2]}",
    )  # fmt: skip
    run.job(
        "segment", ("results/raw.tif",), {"results/labels.tif": "labels"},
        parameters={"key": KEY.format(next(c)), "gh": "ghp_" + next(c) + "a" * 20, "url": f"s3://b?X-Amz-Signature={next(c)}"},
        description=f"LAB_TOKEN={CANARIES[0]} python segment.py", reason=f"run with --api-key={next(c)}",
        schedulerJob=f"psql postgres://ada:{next(c)}@db/x",
    )  # fmt: skip
    run.graph["#noted"] = {"@id": "#noted", "@type": "PropertyValue", "name": "password", "value": next(c)}
    run.graph[run.jobs[-1]]["subjectOf"] = [{"@id": "steps/segment.json"}, {"@id": "#noted"}]
    for path in ("steps/segment.json", "work/config.yaml", "work/segment.py", "work/samples.tsv", "work/run.sh"):
        run.graph[path] = {"@id": path, "@type": "File", "name": Path(path).name, "about": {"@id": run.jobs[-1]}}
        run.graph[run.jobs[-1]]["subjectOf"].append({"@id": path})  # type: ignore[attr-defined]
    folder = run.write(tmp_path / "crates")
    (folder / "steps").mkdir()
    (folder / "steps/segment.json").write_text(
        json.dumps({"parameters": {"omero_password": next(c)}, "log": CANARIES[0]})
    )
    (folder / "work/config.yaml").write_text(f"threads: 4\nomero_password: {next(c)}\n")
    (folder / "work/segment.py").write_text(f'connect(password="{next(c)}")  # {CANARIES[2]}\n')
    (folder / "work/samples.tsv").write_text(f"sample\tsource\na\thttps://ada:{next(c)}@h/x\n")
    (folder / "work/run.sh").write_text(f"export API_KEY={next(c)}\nmysql --password={next(c)}\n")
    (folder / "journal.jsonl").write_text(json.dumps({"token": next(c)}))
    (folder / "README.md").write_text(f"token: {next(c)}\n")
    Catalogue(CatalogueFolder.create(tmp_path / ".filiation")).ingest(folder)
    ledger = Ledger(tmp_path)
    ledger.annotate("https://omero.example.org/Image/51", f"sample preparation=token: {next(c)}")
    ledger.annotate("https://omero.example.org/Image/51", f"imaging method=eyJ{next(c)}.eyJhbGciOiJ9.sig")
    # What was chosen is data: its bytes cannot be changed, so it stays if a secret stands in it.
    run_table = tmp_path / "results/labels.tif"
    assert run_table.read_text() == "labels"
    assert len(list(c)) == 1
    return run


def every_byte(archive: Path) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        names = "\n".join(opened.namelist()).encode()
        return names + archive.read_bytes() + b"".join(opened.read(name) for name in opened.namelist())


def test_no_secret_leaves(leaking: CrateBuilder, tmp_path: Path) -> None:
    report = export(Ledger(tmp_path), ["results/labels.tif"], tmp_path / "out.zip", ExportSettings())
    told = every_byte(tmp_path / "out.zip")
    assert [canary for canary in CANARIES if canary.encode() in told] == []
    assert report.withheld["secret"] >= 8
    assert report.withheld["description"] == 2
    assert [thing.path for thing in report.carried] == ["results/labels.tif"]
    root = root_of(tmp_path / "out.zip")
    assert json.loads(root["withheld"]) == report.withheld


def test_a_result_in_which_a_secret_stands_stays(leaking: CrateBuilder, tmp_path: Path) -> None:
    table = CrateBuilder(tmp_path, 2)
    table.job("measure", ("results/labels.tif",), {"results/table.csv": f"a\ntoken: {CANARIES[29]}\n"})
    ledger = Ledger(tmp_path)
    ledger.ingest(table.write(tmp_path / "crates"))
    report = export(ledger, ["results/table.csv"], tmp_path / "out.zip", ExportSettings())
    (thing,) = (thing for thing in report.things if thing.path == "results/table.csv")
    assert thing.why == "withheld: a secret or something private stands in it"
    assert CANARIES[29].encode() not in every_byte(tmp_path / "out.zip")
    with pytest.raises(BadInputError, match="cannot come along whole"):
        plan_export(ledger, ["results/table.csv"], tmp_path, ExportSettings(whole_runs=True))


def root_of(archive: Path) -> dict[str, Any]:
    with zipfile.ZipFile(archive) as opened:
        document = json.loads(opened.read("ro-crate-metadata.json"))
    root: dict[str, Any] = next(node for node in document["@graph"] if node["@id"] == "./")
    return root


def test_what_a_policy_names_stays_and_the_lineage_goes_on_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = CrateBuilder(tmp_path)
    run.job("fetch", ("https://omero.example.org/Image/51",), {"patients/Bernard.tif": "pixels"}, command="get 51")
    run.job("secretmethod", ("patients/Bernard.tif",), {"results/labels.tif": "x"}, parameters={"magic": 7.25})
    Catalogue(CatalogueFolder.create(tmp_path / ".filiation")).ingest(run.write(tmp_path / "crates"))
    (tmp_path / "private.yaml").write_text(
        "withhold:\n  people: [Josiah Carberry]\n  paths: ['patients/*']\n  rules: [secretmethod]\n  texts: [Bernard]\n"
    )
    settings = ExportSettings(policy=read_policy(tmp_path / "private.yaml"))
    report: ExportReport = export(Ledger(tmp_path), ["results/labels.tif"], tmp_path / "out.zip", settings)
    told = every_byte(tmp_path / "out.zip")
    for private in ("Bernard", "Carberry", "0000-0002-1825-0097", "secretmethod", "7.25", "patients/"):
        assert private.encode() not in told, private
    assert {"path", "person", "rule"} <= report.withheld.keys()
    assert json.loads(root_of(tmp_path / "out.zip")["withheld"]) == report.withheld
    elsewhere = CatalogueFolder.create(tmp_path / "elsewhere")
    imported = import_crate(Catalogue(elsewhere), tmp_path / "out.zip")
    assert dict(imported.withheld) == report.withheld
    lineage = Ledger(elsewhere.root).trace(str(tmp_path / "results/labels.tif"))
    assert [thing.iri for thing in lineage.sources] == ["https://omero.example.org/Image/51"]
    assert len(lineage.actions) == 2
