"""Validation of crates by their profiles' own checks, and what happens before."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.crate.metadata import parse_metadata, read_metadata, refuse_escapes
from filiation.crate.validation import Issue, Severity, validate
from filiation.errors import BadInputError, InvalidCrateError

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.mark.slow
def test_the_minimal_crate_is_valid(minimal, tmp_path):
    verdict = validate(minimal.write_crate(tmp_path))
    assert verdict.issues == ()
    assert verdict.valid
    assert str(verdict) == f"valid as provenance-run-crate-0.5 ({verdict.checks} checks; findings: 0 required)"
    assert verdict.checks > 80


@pytest.mark.slow
def test_recommendations_are_listed_and_do_not_make_a_crate_invalid(minimal, tmp_path):
    verdict = validate(minimal.write_crate(tmp_path), severity="recommended")
    assert verdict.valid
    found = [(issue.check, issue.entity) for issue in verdict.issues]
    assert found == [
        ("process-run-crate-0.5_3.2", "#engine"),
        ("process-run-crate-0.5_3.2", "#tool-segment"),
        ("process-run-crate-0.5_3.2", "work/Snakefile"),
        ("process-run-crate-0.5_5.1", "#engine"),
        ("process-run-crate-0.5_5.1", "#tool-segment"),
        ("process-run-crate-0.5_5.1", "work/Snakefile"),
        ("process-run-crate-0.5_7.1", "work/Snakefile"),
    ]
    assert verdict.issues[0] == Issue(
        Severity.RECOMMENDED, "process-run-crate-0.5_3.2", "#engine", "The Application SHOULD have a url"
    )
    assert str(verdict).endswith("; findings: 0 required, 3 recommended in 7 places)")
    assert [entities for _, entities in verdict.findings] == [
        ("#engine", "#tool-segment", "work/Snakefile"),
        ("#engine", "#tool-segment", "work/Snakefile"),
        ("work/Snakefile",),
    ]
    assert verdict.to_json()["counts"] == {"required": 0, "recommended": 7, "optional": 0}
    assert json.loads(json.dumps(verdict.to_json()))["issues"][0]["entity"] == "#engine"


@pytest.mark.slow
def test_options_are_listed_on_demand(minimal, tmp_path):
    verdict = validate(minimal.write_crate(tmp_path), severity=Severity.OPTIONAL)
    assert verdict.valid
    assert verdict.count(Severity.OPTIONAL) > 10
    assert [issue.severity for issue in verdict.issues] == sorted(
        (issue.severity for issue in verdict.issues), key=list(Severity).index
    )


def without(identifier, name):
    def change(minimal, document):
        del minimal.entity(document, identifier)[name]

    return change


def unlisted(identifier):
    def change(minimal, document):
        minimal.entity(document, "./")["hasPart"].remove(minimal.ref(identifier))

    return change


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "check", "entity"),
    [
        pytest.param(without("./", "license"), "ro-crate-1.1_8.3", "./", id="no licence"),
        pytest.param(without("./", "datePublished"), "ro-crate-1.1_8.4", "./", id="no date"),
        pytest.param(without("#job-1", "instrument"), "process-run-crate-0.5_1.1", "#job-1", id="job without tool"),
        pytest.param(
            without("work/Snakefile", "hasPart"),
            "provenance-run-crate-0.5_1.1",
            "work/Snakefile",
            id="workflow without tools",
        ),
        pytest.param(
            without("#step-segment", "workExample"),
            "provenance-run-crate-0.5_4.2",
            "#step-segment",
            id="step without tool",
        ),
        pytest.param(without("#engine-run", "result"), "provenance-run-crate-0.5_8.2", "#engine-run", id="engine"),
        pytest.param(unlisted("work/data/raw.txt"), "ro-crate-1.1_14.1", "work/data/raw.txt", id="unlisted file"),
    ],
)
def test_what_a_profile_requires_is_missed(minimal, tmp_path, change, check, entity):
    document = minimal.minimal_metadata()
    change(minimal, document)
    verdict = validate(minimal.write_crate(tmp_path, document))
    assert not verdict.valid
    assert (check, entity) in [(issue.check, issue.entity) for issue in verdict.issues]


@pytest.mark.slow
def test_a_listed_file_that_is_not_there_is_missed(minimal, tmp_path):
    crate = minimal.write_crate(tmp_path)
    (crate / "work/results/labels.txt").unlink()
    verdict = validate(crate)
    assert not verdict.valid
    assert verdict.issues == (
        Issue(
            Severity.REQUIRED,
            "ro-crate-1.1_12.1",
            "",
            "The RO-Crate does not include the Data Entity 'work/results/labels.txt' as part of its payload",
        ),
    )


@pytest.mark.slow
def test_things_outside_the_payload_are_fine_under_local_names(minimal, tmp_path):
    document = minimal.minimal_metadata()
    document["@graph"] += [
        {"@id": "#work/results/nuclei.ome.zarr/", "@type": "Dataset", "name": "nuclei", "description": "labels"},
        {"@id": "#work/raw.tif", "@type": "File", "name": "raw", "encodingFormat": "image/tiff", "contentSize": "1"},
    ]
    minimal.entity(document, "#job-1")["object"] = minimal.ref("#work/raw.tif")
    minimal.entity(document, "#job-1")["result"] = minimal.ref("#work/results/nuclei.ome.zarr/")
    before = validate(minimal.write_crate(tmp_path / "a"), severity="recommended")
    assert validate(minimal.write_crate(tmp_path / "b", document), severity="recommended").issues == before.issues


@pytest.mark.slow
@pytest.mark.parametrize("severity", list(Severity))
def test_web_addresses_are_never_asked(minimal, tmp_path, severity):
    document = minimal.minimal_metadata()
    for number, kind in enumerate(["File", "Dataset", "CreativeWork"]):
        address = f"https://example.org/{number}"
        document["@graph"].append(
            {"@id": address, "@type": kind, "name": "x", "url": address, "sdDatePublished": "2026-01-01"}
        )
        minimal.entity(document, "./")["hasPart"].append(minimal.ref(address))
    document["@graph"].append({"@id": "ftp://example.org/x", "@type": "File", "name": "x"})
    minimal.entity(document, "./")["hasPart"].append(minimal.ref("ftp://example.org/x"))
    minimal.entity(document, "./")["cite-as"] = "https://example.org/cite"
    assert validate(minimal.write_crate(tmp_path, document), severity=severity).valid


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_each_version_of_ro_crate_is_checked_without_a_network(minimal, tmp_path, version):
    document = minimal.minimal_metadata()
    document["@context"][0] = f"https://w3id.org/ro/crate/{version}/context"
    minimal.entity(document, "ro-crate-metadata.json")["conformsTo"] = minimal.ref(
        f"https://w3id.org/ro/crate/{version}"
    )
    verdict = validate(minimal.write_crate(tmp_path, document), profile=f"ro-crate-{version}")
    assert verdict.profile == f"ro-crate-{version}"
    assert not [issue for issue in verdict.issues if "@context" in issue.message or "retrieve" in issue.message]


@pytest.mark.slow
def test_a_folder_of_any_name_is_checked_and_so_is_its_metadata_file(minimal, tmp_path):
    crate = minimal.write_crate(tmp_path / "a b#c?d%20e\n.zip")
    assert validate(crate).issues == ()
    assert validate(crate / "ro-crate-metadata.json").issues == ()


@pytest.mark.slow
def test_a_relative_folder_is_checked(minimal, tmp_path, monkeypatch):
    minimal.write_crate(tmp_path / "crate")
    monkeypatch.chdir(tmp_path)
    assert validate(type(tmp_path)("crate")).issues == ()


def test_an_unknown_profile_or_severity_is_one_message(minimal, tmp_path):
    crate = minimal.write_crate(tmp_path)
    with pytest.raises(BadInputError, match=r"^'cheese' is not a profile; expected one of .*provenance-run-crate-0\.5"):
        validate(crate, profile="cheese")
    with pytest.raises(BadInputError) as error:
        validate(crate, severity="some")
    assert str(error.value) == "'some' is not a severity; expected one of required, recommended, optional."


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0,
    reason="the system does not permit a network namespace",
)
def test_validation_works_where_there_is_no_network(minimal, tmp_path):
    crate = minimal.write_crate(tmp_path / "crate")
    program = (
        "import pathlib, sys; from filiation.crate.validation import validate; "
        "print(validate(pathlib.Path(sys.argv[1])))"
    )
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", program, str(crate)],
        env=os.environ | home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("valid as provenance-run-crate-0.5 (")
    assert done.stderr == ""
    assert not (tmp_path / "cache").exists()


def refused(crate):
    with pytest.raises(InvalidCrateError) as error:
        validate(crate)
    return str(error.value)


def test_a_missing_crate_is_one_message(tmp_path):
    assert refused(tmp_path) == (
        f"{str(tmp_path)!r} is not a crate: there is no ro-crate-metadata.json. Name the folder that holds it."
    )


def test_a_truncated_crate_is_one_message(minimal, tmp_path):
    crate = minimal.write_crate(tmp_path)
    metadata = crate / "ro-crate-metadata.json"
    metadata.write_bytes(metadata.read_bytes()[:1000])
    message = refused(crate)
    assert message.startswith(f"{str(metadata)!r}: The metadata is not JSON: ")
    assert "at line " in message
    metadata.write_bytes(b"")
    assert refused(crate) == (
        f"{str(metadata)!r}: The metadata is not JSON: Expecting value at line 1, column 1. "
        "The file seems to be cut off."
    )


def test_a_file_of_another_name_is_no_crate(tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"@context": [], "@graph": []}')
    assert refused(other) == f"{str(other)!r} is not named ro-crate-metadata.json; expected a crate's folder."


def test_an_archive_is_told_to_be_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as archive:
        archive.writestr("ro-crate-metadata.json", "{}")
    assert refused(tmp_path / "crate.zip") == (
        f"{str(tmp_path / 'crate.zip')!r} is a ZIP archive. Unpack it, and name the folder."
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [("@type", True), ("@graph", ""), ("@reverse", "x"), ("url", {"@id": "http://["}), ("name", {"@value": "\ud800"})],
)
def test_metadata_that_is_no_json_ld_is_a_verdict_or_one_message(minimal, tmp_path, name, value):
    document = minimal.minimal_metadata()
    minimal.entity(document, "#job-1")[name] = value
    crate = minimal.write_crate(tmp_path, document)
    try:
        assert isinstance(validate(crate).valid, bool)
    except InvalidCrateError as error:
        message = str(error)
        assert message.startswith("The crate cannot be checked: ")


def test_text_that_is_not_utf8_is_one_message(tmp_path):
    (tmp_path / "ro-crate-metadata.json").write_bytes(b'{"a": "\xff"}')
    assert "is not UTF-8 text: byte 7 is 0xff." in refused(tmp_path)


def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "ro-crate-metadata.json")
    assert "is not a regular file; expected a crate's metadata." in refused(tmp_path)


def test_a_byte_order_mark_is_read_over(minimal, tmp_path):
    crate = minimal.write_crate(tmp_path)
    metadata = crate / "ro-crate-metadata.json"
    metadata.write_bytes(b"\xef\xbb\xbf" + metadata.read_bytes())
    assert len(read_metadata(crate)["@graph"]) == len(minimal.minimal_metadata()["@graph"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", 'The metadata is no RO-Crate: expected an object with "@context" and a list "@graph".'),
        ('{"@graph": {}}', 'The metadata is no RO-Crate: expected an object with "@context" and a list "@graph".'),
        ('{"@graph": ["x"]}', "Item 0 of the @graph is 'x'; expected an entity with an @id."),
        ('{"@graph": [{"@id": 7}]}', "The @id of item 0 of the @graph is not text: '7'."),
        ('{"@graph": [], "a": NaN}', "The metadata holds NaN, which is not JSON."),
        (
            '{"@graph": [{"@id": "a", "@id": "b"}]}',
            "The metadata gives '@id' twice in one object; which one counts is not defined.",
        ),
        ("[" * 200_000, "The metadata is nested more than 64 levels deep; a crate is flat."),
        (
            '{"@graph": [{"@id": "a", "b": ' + "[" * 100 + "]" * 100 + "}]}",
            "The metadata is nested more than 64 levels deep; a crate is flat.",
        ),
    ],
)
def test_metadata_that_cannot_be_read_is_explained(text, message):
    with pytest.raises(InvalidCrateError) as error:
        parse_metadata(text)
    assert str(error.value) == message


def test_a_number_of_too_many_digits_is_one_message():
    with pytest.raises(InvalidCrateError, match=r"^The metadata is not JSON that can be read: "):
        parse_metadata('{"@graph": [], "a": ' + "9" * 5000 + "}")


ESCAPES = [
    ("../secret.txt", "leads out of the crate's folder"),
    ("a/../../secret.txt", "leads out of the crate's folder"),
    ("%2e%2e/secret.txt", "leads out of the crate's folder"),
    ("%252e%252e/secret.txt", "leads out of the crate's folder"),
    ("a%2F..%2F../secret.txt", "leads out of the crate's folder"),
    ("/etc/passwd", "is an absolute path"),
    ("%2Fetc/passwd", "is an absolute path"),
    ("//host/share", "is an absolute path"),
    ("..\\secret.txt", "holds a backslash"),
    ("a%5C..%5Csecret.txt", "holds a backslash"),
    ("file:///etc/passwd", "is a file: URI"),
    ("FILE:/etc/passwd", "is a file: URI"),
    ("file%3A///etc/passwd", "is a file: URI"),
    ("C:/secret.txt", "starts with a drive"),
    ("a\x00b", "holds a control character"),
    ("a%0Ab", "holds a control character"),
]


@pytest.mark.parametrize(("identifier", "reason"), ESCAPES)
@pytest.mark.parametrize("place", ["entity", "reference"])
def test_a_name_that_leaves_the_crate_is_refused(minimal, tmp_path, identifier, reason, place):
    document = minimal.minimal_metadata()
    if place == "entity":
        document["@graph"].append({"@id": identifier, "@type": "File"})
    else:
        minimal.entity(document, "./")["hasPart"].append({"@id": identifier})
    assert refused(minimal.write_crate(tmp_path, document)) == (
        f"The crate names {identifier!r}, which {reason}; nothing outside a crate's own folder may be named by path. "
        "Do not open this crate with other tools unless you know who made it."
    )


@pytest.mark.parametrize(
    "identifier",
    [
        "./",
        "work/a..b",
        "work/100%",
        "#work/../x",
        "_:b0",
        "https://example.org/a/../b",
        "arcp://uuid,7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10/",
        "skimage:immunohistochemistry",
        "ni:///sha-256;abc",
        "work/%C3%A9.tif",
    ],
)
def test_a_name_inside_the_crate_or_on_the_web_is_fine(identifier):
    refuse_escapes({"@graph": [{"@id": identifier}]})


def test_a_context_outside_the_bundle_is_refused_before_anything_reads_it(minimal, tmp_path):
    document = minimal.minimal_metadata()
    document["@context"].append("file:///etc/passwd")
    assert refused(minimal.write_crate(tmp_path, document)).startswith(
        "The crate's @context names 'file:///etc/passwd'"
    )


def test_a_context_inside_an_entity_is_refused_before_anything_reads_it(minimal, tmp_path):
    document = minimal.minimal_metadata()
    minimal.entity(document, "#job-1")["agent"] = {"@id": "#x", "@context": "file:///etc/passwd"}
    assert refused(minimal.write_crate(tmp_path, document)) == (
        "The entity '#x' has a @context of its own; a crate has one, at its top."
    )


@given(text=st.text(alphabet='{}[]":,@grphidcontex01.\\ ', max_size=60))
def test_any_text_is_a_crate_or_one_message(text):
    with contextlib.suppress(InvalidCrateError):
        assert isinstance(parse_metadata(text)["@graph"], list)
