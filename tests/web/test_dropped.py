"""What the page of dropped files asks of the server: a digest and a name, and nothing else."""

from __future__ import annotations

import hashlib

from fastapi.testclient import TestClient

from filiation.digest import digest_tree
from tests.web.conftest import LABELS, Catalogue

OTHER = "0" * 64


def test_the_page_and_its_twin_say_what_is_known(pages: TestClient, web_catalogue: Catalogue) -> None:
    digest = digest_tree(web_catalogue.folder / LABELS).digest
    told = pages.get("/api/drop", params={"digest": str(digest), "name": "x"}).json()
    assert (told["verdict"], told["state"]) == ("known", "Unchanged")
    said = f"These very bytes are recorded: made as {LABELS} by run 00000001, which began 20"
    assert told["sentence"].startswith(said)
    assert told["links"][0]["href"].startswith("/thing?thing=arcp")
    assert pages.get(told["links"][0]["href"]).status_code == 200
    page = pages.get("/drop", params={"digest": str(digest), "name": "<script>alert(1)</script>"})
    assert "Unchanged" in page.text
    assert "<script>alert" not in page.text


def test_changed_bytes_are_told_with_those_that_were_recorded(pages: TestClient) -> None:
    told = pages.get("/api/drop", params={"digest": f"tree1:{OTHER}", "name": "nuclei.ome.zarr"}).json()
    assert (told["verdict"], len(told["was"])) == ("changed", 2)
    assert told["sentence"].startswith("No run recorded these bytes. Of this name 2 others are recorded")
    one = pages.get("/api/drop", params={"digest": f"tree1:{OTHER}", "name": "cells.ome.zarr"}).json()
    assert "Of this name others are, made as results/51/cells.ome.zarr by run 00000002" in one["sentence"]
    french = pages.get("/api/drop", params={"digest": f"tree1:{OTHER}", "name": "nuclei.ome.zarr", "lang": "fr"})
    assert french.status_code == 200


def test_a_digest_is_taken_as_sha256sum_prints_it(pages: TestClient) -> None:
    printed = f"{hashlib.sha256().hexdigest().upper()}  empty.txt\n"
    assert pages.get("/api/drop", params={"digest": printed}).json()["state"] == "Empty"
    assert pages.get("/api/drop", params={"digest": f"sha256:{OTHER}"}).json()["state"] == "Unknown"
    assert pages.get("/api/drop", params={"digest": "nonsense"}).status_code == 400
    assert pages.get("/api/drop").json()["links"] == []
    assert pages.get("/drop").status_code == 200


def test_a_manifest_is_handed_out_and_can_do_nothing(pages: TestClient, web_catalogue: Catalogue) -> None:
    record = pages.get("/api/drop", params={"digest": f"tree1:{OTHER}", "name": "cells.ome.zarr"}).json()["was"][0]
    answer = pages.get("/api/manifest", params={"thing": record["iri"]})
    assert f"tree1:{hashlib.sha256(answer.content).hexdigest()}" == record["digest"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert pages.get("/api/manifest", params={"thing": "../../etc/passwd"}).status_code == 404
    assert pages.get("/api/manifest", params={"thing": " "}).status_code == 400
