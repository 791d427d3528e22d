"""What can be told from the pages alone: links, settings, and nothing that points into somebody's machine."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import pytest

from filiation.capture.place import Settings
from filiation.lineage import Answer, CheckReport, Ledger, Lineage, RunDetail
from filiation.lineage.audit_findings import AuditReport
from snakemake_logger_plugin_filiation import LogHandlerSettings
from snakemake_report_plugin_filiation import ReportSettings
from tests.docs.pages import DOCS, ROOT, Page, pages

# Put together here, so that this file names none itself.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"), ("npmjs", "org"), ("npmjs", "com"),
        ("crates", "io"), ("rubygems", "org"), ("proxy", "golang", "org"),
    )
)  # fmt: skip
# Folders that no standard names, right below the root: somebody's machine.
MACHINE_PATH = re.compile(r"(?:^|[\s\"'(`=:])/(?:root|Users|mnt|work|scratch)/\w", re.MULTILINE)

DOORS = [Ledger, Lineage, RunDetail, Answer, CheckReport, AuditReport]

every_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)


def reference(name: str) -> str:
    return (DOCS / "reference" / name).read_text("utf-8")


@every_page
def test_links_lead_somewhere(page: Page):
    for link in page.links:
        path, _, anchor = link.partition("#")
        target = page.path if not path else (page.path.parent / path).resolve()
        assert target.exists(), f"{page.name}: {link}"
        assert ROOT in (target, *target.parents), f"{page.name} points out of the repository: {link}"
        if anchor:
            assert anchor in Page(target).anchors, f"{page.name}: {link}"


def test_every_page_can_be_reached_from_the_index():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            targets = ((page.parent / link.partition("#")[0]).resolve() for link in Page(page).links)
            waiting += [target for target in targets if target.suffix == ".md" and target.is_file()]
    assert sorted(str(path) for path in set(DOCS.rglob("*.md")) - reached) == []


@every_page
def test_no_page_names_a_registry_or_a_place_on_a_machine(page: Page):
    assert [host for host in REGISTRIES if host in page.text] == []
    assert MACHINE_PATH.findall(page.text) == []


@every_page
def test_a_page_has_one_title_and_blocks_say_their_language(page: Page):
    assert len(re.findall(r"^# ", page.prose, re.MULTILINE)) == 1
    assert [block.line for block in page.blocks if not block.language and not page.name.startswith("config/")] == []
    assert page.text.count("\n```") % 2 == 0


@pytest.mark.parametrize(
    "option",
    [f"--logger-filiation-{field.name.replace('_', '-')}" for field in fields(LogHandlerSettings)]
    + [f"--report-filiation-{field.name.replace('_', '-')}" for field in fields(ReportSettings)],
)
def test_every_option_of_the_plugins_is_documented(option: str):
    assert f"`{option}`" in reference("settings.md")


@pytest.mark.parametrize("field", [field.name for field in fields(Settings)])
def test_every_field_of_the_settings_file_is_documented(field: str):
    assert re.search(rf"^\| `(agent|crate|stores)\.{field}` \|", reference("settings.md"), re.MULTILINE)


def test_every_environment_variable_is_documented():
    code = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    variables = set(re.findall(r"\bFILIATION_[A-Z_]+", code))
    assert {name for name in variables if f"`{name}`" not in reference("settings.md")} == set()


@pytest.mark.parametrize("kind", DOORS, ids=lambda kind: kind.__name__)
def test_every_public_name_of_the_python_door_is_documented(kind: type):
    names = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}
    page = reference("python.md")
    assert {name for name in names if not re.search(rf"\b{name}\b", page)} == set()
