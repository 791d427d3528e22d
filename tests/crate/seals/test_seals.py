"""Who sealed a crate is told, and every change since; what is not proven is a failure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.crate import METADATA
from filiation.crate.seals import Evidence, Outcome, SealReport, Signer, Statement, seal_crate, verify_crate
from filiation.crate.seals.contents import read_contents
from filiation.crate.seals.statement import SealedTree
from filiation.errors import BadInputError, ChangedError, InvalidCrateError, NotFoundError
from filiation.model import Digest, DigestKind
from tests.crate.seals.conftest import ADA, BOB, Keys
from tests.examples import examples


def verified(crate: Path, keys: Keys, **asked: object) -> SealReport:
    return verify_crate(crate, evidence=Evidence(keys.signers), **asked)  # type: ignore[arg-type]


def told(report: SealReport) -> list[tuple[str, str]]:
    return [(difference.what, difference.path) for difference in report.seals[-1].differences]


def test_a_sealed_crate_holds_and_the_seal_says_who_when_and_in_what_sense(
    crate: Path, keys: Keys, ada: Signer
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    statement, place = seal_crate(crate, ada, meaning="approved  for\npublication")
    report = verified(crate, keys, required=[ADA])
    assert report.outcome is Outcome.HOLDS
    (seal,) = report.seals
    assert seal.signature is not None
    assert seal.signature.signer == ADA
    found = seal.statement
    assert found is not None
    assert (found.signer, found.orcid, found.meaning) == (ada.name, ada.orcid, "approved for publication")
    assert found.sealed >= before
    assert found == Statement.from_bytes((place / "statement.json").read_bytes(), place)
    assert [tree.path for tree in statement.trees] == ["work/copy.zarr"]
    assert (statement.files, statement.elsewhere, statement.unidentified) == (len(read_contents(crate).hashes), 1, 0)
    assert "'approved for publication', by Ada Lovelace (https://orcid.org/0000-0002-1825-0097)" in report.text("it")


def test_a_seal_can_be_checked_by_hand_with_the_commands_of_its_page(crate: Path, keys: Keys, ada: Signer) -> None:
    seal_crate(crate, ada)
    page = (Path(__file__).parents[3] / "docs" / "reference" / "seal.md").read_text()
    script = page.partition("<!-- test: by hand -->\n```bash\n")[2].partition("```")[0]
    assert "ssh-keygen -Y verify" in script
    known = {"CRATE": str(crate), "SIGNERS": str(keys.signers), "WHO": ADA, "PATH": os.environ["PATH"]}

    def by_hand() -> int:
        return subprocess.run(["bash", "-ec", script], env=known, capture_output=True, check=False).returncode

    assert by_hand() == 0
    (crate / "work" / "Snakefile").write_text("rule other:\n")
    assert by_hand() != 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda crate: (crate / METADATA).write_text("{}"), [("changed", METADATA)]),
        (lambda crate: (crate / "work/copy.zarr/c/1").write_text("0ther"), [("changed", "work/copy.zarr/c/1")]),
        (lambda crate: (crate / "work/copy.zarr/c/1").unlink(), [("missing", "work/copy.zarr/c/1")]),
        (lambda crate: (crate / "evil.html").write_text(""), [("unexpected", "evil.html")]),
        (
            lambda crate: (crate / "work/Snakefile").rename(crate / "work/snakefile"),
            [("missing", "work/Snakefile"), ("unexpected", "work/snakefile")],
        ),
        (
            lambda crate: [
                (crate / "work/Snakefile").rename(crate / "away"),
                (crate / "work/Snakefile").symlink_to("../away"),
            ],
            [("unexpected", "away"), ("missing", "work/Snakefile"), ("unexpected", "work/Snakefile")],
        ),
        (lambda crate: (crate / "seal/notes.txt").write_text(""), [("unexpected", "seal/notes.txt")]),
    ],
)
def test_whatever_changes_after_the_seal_is_named(crate: Path, keys: Keys, ada: Signer, change, expected) -> None:
    seal_crate(crate, ada)
    change(crate)
    report = verified(crate, keys)
    assert (report.outcome, told(report)) == (Outcome.CHANGED, expected)
    assert report.outcome.exit_code == ChangedError.exit_code


def test_times_alone_change_nothing(crate: Path, keys: Keys, ada: Signer) -> None:
    seal_crate(crate, ada)
    for path in crate.rglob("*"):
        os.utime(path, (0, 0))
    assert verified(crate, keys).holds


@pytest.mark.slow
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_found(crate: Path, keys: Keys, ada: Signer, data: st.DataObject) -> None:
    if not (crate / "seal").exists():
        seal_crate(crate, ada)
    path = data.draw(st.sampled_from(sorted(path for path in crate.rglob("*") if path.is_file())))
    content = path.read_bytes()
    place = data.draw(st.integers(0, max(8 * len(content) - 1, 0)))
    changed = bytearray(content or b"\0")
    changed[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(changed))
    try:
        report = verified(crate, keys)
        # A bit in the frame of a signature's text may change nothing of what it says.
        assert not report.holds or path.name == "statement.json.sig"
    finally:
        path.write_bytes(content)
    assert verified(crate, keys).holds


def test_a_crate_that_nobody_sealed_or_signed_does_not_verify(crate: Path, keys: Keys, ada: Signer) -> None:
    assert verified(crate, keys).outcome is Outcome.NOT_SEALED
    seal_crate(crate, Signer("Ada Lovelace"))
    report = verified(crate, keys, any_signer=True)
    assert report.outcome is Outcome.UNSIGNED
    assert "proves accidental change only" in report.reason
    assert report.outcome.exit_code == 14


def test_a_stripped_signature_is_a_failure(crate: Path, keys: Keys, ada: Signer) -> None:
    _, place = seal_crate(crate, ada)
    (place / "statement.json.sig").unlink()
    assert verified(crate, keys, any_signer=True).outcome is Outcome.UNSIGNED


def test_a_changed_statement_is_a_bad_signature_even_where_the_list_was_changed_with_it(
    crate: Path, keys: Keys, ada: Signer
) -> None:
    statement, place = seal_crate(crate, ada)
    (crate / "work/Snakefile").write_text("rule other:\n")
    shutil.move(place, place.with_name("aside"))
    forged, again = seal_crate_without_check(crate, Signer("Ada Lovelace", ada.orcid))
    shutil.copy(place.with_name("aside") / "statement.json.sig", again)
    shutil.rmtree(place.with_name("aside"))
    assert forged.manifest != statement.manifest
    report = verified(crate, keys, any_signer=True)
    assert report.outcome is Outcome.BAD_SIGNATURE
    assert report.outcome.exit_code == 15


def seal_crate_without_check(crate: Path, signer: Signer) -> tuple[Statement, Path]:
    """Seal what does not agree with its metadata, as somebody who forges would: the metadata is changed as well."""
    document = json.loads((crate / METADATA).read_text())
    document["@graph"] = [entity for entity in document["@graph"] if entity["@id"] != "work/Snakefile"]
    (crate / METADATA).write_text(json.dumps(document))
    return seal_crate(crate, signer)


def test_a_signature_made_for_something_else_is_none_of_a_crate(crate: Path, keys: Keys, ada: Signer) -> None:
    _, place = seal_crate(crate, ada)
    (place / "statement.json.sig").unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", keys.ada, place / "statement.json"],
        check=True,
        capture_output=True,
    )
    report = verified(crate, keys)
    assert report.outcome is Outcome.BAD_SIGNATURE
    assert "namespace" in report.reason


def test_a_key_of_nobody_known_is_told_and_accepted_only_when_asked(crate: Path, keys: Keys, bob: Signer) -> None:
    seal_crate(crate, bob)
    report = verified(crate, keys)
    assert report.outcome is Outcome.UNKNOWN_SIGNER
    assert report.outcome.exit_code == 16
    assert "does not give that key to anybody" in report.reason
    assert "Name a list" in verify_crate(crate).reason
    assert verify_crate(crate, any_signer=True).holds
    assert verified(crate, keys, any_signer=True).holds


def test_who_must_have_signed_and_did_not_is_named(crate: Path, keys: Keys, ada: Signer) -> None:
    seal_crate(crate, ada)
    keys.signers.write_text(keys.line(ADA) + keys.line(BOB))
    assert verified(crate, keys, required=[ADA]).holds
    report = verified(crate, keys, required=[ADA, BOB])
    assert report.outcome is Outcome.UNKNOWN_SIGNER
    assert report.reason.startswith(f"{BOB} did not sign the crate as it is now. Signed by: {ADA}")


def test_a_key_that_has_expired_does_not_count_and_it_is_said_whose_it_was(
    crate: Path, keys: Keys, ada: Signer, bob: Signer
) -> None:
    seal_crate(crate, ada)
    keys.signers.write_text(keys.line(ADA, 'valid-before="20200101"'))
    assert verified(crate, keys).outcome is Outcome.UNKNOWN_SIGNER
    tomorrow = f"{datetime.now(UTC).year + 1}0101"
    keys.signers.write_text(keys.line(ADA, f'valid-before="{tomorrow}"'))
    assert verified(crate, keys).holds
    keys.signers.write_text(keys.line(ADA, 'namespaces="git"'))
    assert verified(crate, keys).outcome is Outcome.UNKNOWN_SIGNER


def test_a_reviewer_seals_what_the_author_sealed_and_both_must_be_right(
    crate: Path, keys: Keys, ada: Signer, bob: Signer
) -> None:
    _, first = seal_crate(crate, ada)
    statement, second = seal_crate(crate, bob, meaning="reviewed")
    assert statement.number == 2
    keys.signers.write_text(keys.line(ADA) + keys.line(BOB))
    assert verified(crate, keys, required=[ADA, BOB]).holds
    content = (first / "statement.json").read_text()
    (first / "statement.json").write_text(content.replace("made", "read"))
    report = verified(crate, keys)
    assert report.outcome is Outcome.BAD_SIGNATURE
    assert [bool(seal.faults) for seal in report.seals] == [True, True]
    (first / "statement.json").write_text(content)
    shutil.rmtree(first)
    report = verified(crate, keys)
    assert report.outcome is Outcome.BAD_SIGNATURE
    shutil.rmtree(second)
    assert verified(crate, keys).outcome is Outcome.NOT_SEALED


def test_a_seal_after_a_change_leaves_the_earlier_one_to_be_seen(
    crate: Path, keys: Keys, ada: Signer, bob: Signer
) -> None:
    seal_crate(crate, ada)
    (crate / "note.txt").write_text("looked at again")
    keys.signers.write_text(keys.line(ADA) + keys.line(BOB))
    seal_crate(crate, bob, meaning="a note added")
    report = verified(crate, keys)
    assert report.holds
    assert [(seal.number, len(seal.differences)) for seal in report.seals] == [(1, 1), (2, 0)]
    assert verified(crate, keys, required=[ADA]).outcome is Outcome.UNKNOWN_SIGNER


def test_what_a_crate_names_elsewhere_is_compared_with_a_folder(
    crate: Path, keys: Keys, ada: Signer, tmp_path: Path
) -> None:
    seal_crate(crate, ada)
    run = tmp_path / "run"
    report = verified(crate, keys, data=run)
    assert report.holds
    assert report.elsewhere == (("results/labels.ome.zarr", ()),)
    (run / "results/labels.ome.zarr/c/1").write_text("0ther")
    report = verified(crate, keys, data=run)
    assert report.outcome is Outcome.CHANGED
    assert "c/1" in report.text("it") or "results/labels.ome.zarr" in report.text("it")
    shutil.rmtree(run / "results")
    report = verified(crate, keys, data=run)
    assert report.holds
    assert report.elsewhere == (("results/labels.ome.zarr", None),)
    assert "1 are not in the folder" in report.text("it")


def test_a_crate_that_is_not_as_its_metadata_says_is_not_sealed(crate: Path, ada: Signer) -> None:
    (crate / "work/copy.zarr/c/0").write_text("drawn by hand")
    (crate / "work/Snakefile").write_text("rule other:\n")
    with pytest.raises(ChangedError, match=r"work/copy\.zarr, work/Snakefile differ from what its own metadata"):
        seal_crate(crate, ada)
    assert not (crate / "seal").exists()


def test_what_cannot_be_sealed_says_why(crate: Path, keys: Keys, tmp_path: Path, made_keys: Path) -> None:
    with pytest.raises(NotFoundError, match=r"it has no ro-crate-metadata\.json"):
        seal_crate(tmp_path, Signer("Ada"))
    (tmp_path / "no key").write_text("nothing")
    with pytest.raises(BadInputError, match="did not sign"):
        seal_crate(crate, Signer("Ada", None, tmp_path / "no key"))
    assert list((crate / "seal").iterdir() if (crate / "seal").exists() else ()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "no key 'filiationSeal'"),
        (b'{"filiationSeal": 2}', "this version knows format 1"),
        (b'{"filiationSeal": 1}', "no statement"),
        (b"\xff", "no statement"),
        (b"[" * 100_000, "deep"),
        (b" " * 2_000_000, "bytes"),
    ],
)
def test_a_statement_that_is_none_is_refused(crate: Path, keys: Keys, ada: Signer, content: bytes, reason: str) -> None:
    _, place = seal_crate(crate, ada)
    with pytest.raises(InvalidCrateError, match=reason):
        Statement.from_bytes(content, place)
    (place / "statement.json").write_bytes(content)
    assert verified(crate, keys).outcome is Outcome.BAD_SIGNATURE


def test_a_link_or_a_stranger_in_a_seal_proves_nothing(crate: Path, keys: Keys, ada: Signer, tmp_path: Path) -> None:
    _, place = seal_crate(crate, ada)
    (place / "readme").write_text("")
    assert verified(crate, keys).outcome is Outcome.BAD_SIGNATURE
    (place / "readme").unlink()
    (place / "statement.json").rename(tmp_path / "statement.json")
    (place / "statement.json").symlink_to(tmp_path / "statement.json")
    assert verified(crate, keys).outcome is Outcome.BAD_SIGNATURE


texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
trees = st.builds(SealedTree, texts, st.builds(Digest, st.just(DigestKind.TREE), digests))


@given(
    statement=st.builds(
        Statement,
        number=st.integers(1, 99),
        crate=texts,
        name=texts,
        metadata=st.builds(Digest, st.just(DigestKind.FILE), digests),
        manifest=st.builds(Digest, st.just(DigestKind.FILE), digests),
        files=st.integers(0, 10**9),
        trees=st.lists(
            st.builds(SealedTree, texts, st.builds(Digest, st.just(DigestKind.TREE), digests)), max_size=3
        ).map(tuple),
        elsewhere=st.integers(0, 99),
        unidentified=st.integers(0, 99),
        signer=texts,
        orcid=st.none() | texts,
        meaning=texts,
        sealed=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
            lambda when: when.replace(microsecond=0)
        ),
        software=texts,
        previous=st.none() | st.builds(Digest, st.just(DigestKind.FILE), digests),
    )
)
def test_a_statement_read_back_is_the_one_that_was_written(statement: Statement) -> None:
    assert Statement.from_bytes(statement.to_bytes(), Path("here")) == statement


def test_a_seal_of_an_older_crate_says_nothing_of_a_newer_one(crate: Path, keys: Keys, ada: Signer) -> None:
    _, place = seal_crate(crate, ada)
    older = crate.with_name("older")
    shutil.copytree(crate, older)
    (crate / "work/Snakefile").write_text("rule other:\n")
    assert verified(crate, keys, required=[ADA]).outcome is Outcome.CHANGED
    shutil.rmtree(place.parent)
    assert verified(crate, keys, required=[ADA]).outcome is Outcome.NOT_SEALED, "not sealed is not sealed, whoever asks"
    # Put back whole, the older crate is what it always was; only a list of what there should be can tell (`log`).
    report = verified(older, keys, required=[ADA])
    assert report.holds
    assert report.seals[-1].statement is not None
