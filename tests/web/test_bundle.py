"""What the pages bundle: that it is what its lists say, and needs nothing from elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tools" / "web"
BUNDLE = ROOT / "src" / "filiation" / "web" / "static" / "bundle"

bundled = pytest.mark.skipif(not (BUNDLE / "SHA256SUMS").is_file(), reason="no bundles: `make web` makes them")


def test_the_lockfile_names_packages_and_their_digests_and_no_address():
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert all("resolved" not in package for package in packages.values())
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "://registry" not in (SOURCES / "package-lock.json").read_text()


@bundled
def test_the_list_of_digests_names_every_file_of_the_bundle_and_its_digest():
    lines = (BUNDLE / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in BUNDLE.iterdir()}
    del there["SHA256SUMS"]
    assert listed == there


@bundled
def test_the_licence_of_every_package_in_the_bundle_is_told_with_its_text_and_none_asks_for_source_code():
    text = (BUNDLE / "LICENCES.txt").read_text()
    heads = re.findall(r"^(\S+) \S+ \((.+)\), in .+$", text, re.MULTILINE)
    wanted = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    assert set(wanted) <= {name for name, _ in heads}
    assert {licence for _, licence in heads} <= {"MIT", "BSD", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Apache-2.0"}
    assert "no text of its licence" not in text


@bundled
def test_no_bundle_makes_code_of_text():
    for path in BUNDLE.glob("*.js"):
        assert not re.search(r"(?<![\w.])eval\(|new Function\(", path.read_text()), path.name
