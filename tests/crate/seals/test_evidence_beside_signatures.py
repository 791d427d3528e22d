"""Time stamps by a real authority (OpenSSL's) and attestations, beside the signatures of seals."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from filiation.crate import Payload, write_crate
from filiation.crate.seals import Evidence, Outcome, Signer, seal_crate, verify_crate
from filiation.crate.seals.attestation import attester, check_attestation
from filiation.crate.seals.ssh import public_key
from filiation.crate.seals.time_stamps import stamp_reader, stamper
from filiation.errors import BadInputError, BadSignatureError, InvalidCrateError, ServerError
from filiation.model import (
    Action,
    Agent,
    DataEntity,
    Digest,
    DigestKind,
    EntityKind,
    Machine,
    Presence,
    Rule,
    RuleKind,
    Slot,
    Software,
    Status,
    Workflow,
    WorkflowRun,
)
from tests.crate.seals.conftest import ADA, Keys

AUTHORITY = """
[ tsa ]
default_tsa = here
[ here ]
serial = {home}/serial
signer_cert = {home}/tsa.pem
signer_key = {home}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ req ]
distinguished_name = name
[ name ]
[ stamping ]
extendedKeyUsage = critical,timeStamping
basicConstraints = CA:false
authorityKeyIdentifier = keyid
[ authority ]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
"""


@dataclass
class Authority:
    """A time-stamp authority on this machine."""

    home: Path
    address: str = ""
    change: Callable[[bytes], bytes] = field(default=lambda answer: answer)
    status: int = 200
    asked: list[bytes] = field(default_factory=list)

    @property
    def roots(self) -> Path:
        return self.home / "root.pem"

    def stamp(self, query: bytes) -> bytes:
        self.asked.append(query)
        (self.home / "query").write_bytes(query)
        openssl(self.home, "ts", "-reply", "-config", "conf", "-queryfile", "query", "-out", "reply")
        return self.change((self.home / "reply").read_bytes())


def openssl(home: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=home, check=True, capture_output=True)


def make_authority(home: Path) -> Authority:
    home.mkdir()
    (home / "conf").write_text(AUTHORITY.format(home=home))
    (home / "serial").write_text("01")
    made = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", "conf", "-sha256")
    openssl(home, "req", "-x509", *made, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Root", "-extensions",
            "authority", "-days", "30")  # fmt: skip
    openssl(home, "req", *made, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Stamps")
    openssl(home, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out",
            "tsa.pem", "-extfile", "conf", "-extensions", "stamping", "-days", "30", "-sha256")  # fmt: skip
    return Authority(home)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    made = make_authority(tmp_path / "authority")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = made.stamp(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(made.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True)
    thread.start()
    made.address = f"http://127.0.0.1:{server.server_port}/"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_stamped_signature_counts_after_its_key_has_expired(
    crate: Path, keys: Keys, ada: Signer, authority: Authority
) -> None:
    _, place = seal_crate(crate, ada, stamp=stamper(authority.address))
    signature = (place / "statement.json.sig").read_bytes()
    assert len(authority.asked) == 1
    assert signature not in authority.asked[0]
    openssl(place, "ts", "-verify", "-in", "statement.json.sig.tsr", "-data", "statement.json.sig", "-CAfile",
            str(authority.roots))  # fmt: skip

    yesterday, tomorrow = (f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d}" for days in (-2, 2))
    keys.signers.write_text(keys.line(ADA, f'valid-after="{yesterday}",valid-before="{tomorrow}"'))
    trusting = Evidence(keys.signers, stamp_reader(authority.roots))
    report = verify_crate(crate, evidence=trusting, required=[ADA])
    assert report.holds
    stamp = report.seals[0].time_stamp
    assert stamp is not None
    assert stamp.trusted
    assert abs(stamp.when - datetime.now(UTC)) < timedelta(hours=1)
    assert "by a trusted authority" in report.text("it")
    unchecked = verify_crate(crate, evidence=Evidence(keys.signers, stamp_reader(None)))
    assert unchecked.holds
    assert "by an authority that was not checked" in unchecked.text("it")


def test_the_time_of_a_trusted_stamp_decides_whether_a_key_might_sign(
    crate: Path, keys: Keys, ada: Signer, authority: Authority
) -> None:
    """The list allows the key only in the past."""
    seal_crate(crate, ada, stamp=stamper(authority.address))
    keys.signers.write_text(keys.line(ADA, 'valid-before="20200601"'))
    evidence = Evidence(keys.signers, stamp_reader(authority.roots))
    assert verify_crate(crate, evidence=evidence).outcome is Outcome.UNKNOWN_SIGNER
    from filiation.crate.seals.report import TimeStamp

    long_ago = Evidence(keys.signers, lambda *_: TimeStamp(datetime(2020, 1, 1, tzinfo=UTC), True))
    assert verify_crate(crate, evidence=long_ago).holds
    untrusted = Evidence(keys.signers, lambda *_: TimeStamp(datetime(2020, 1, 1, tzinfo=UTC), None))
    assert verify_crate(crate, evidence=untrusted).outcome is Outcome.UNKNOWN_SIGNER


def test_a_stamp_of_another_signature_or_by_another_authority_proves_nothing(
    crate: Path, keys: Keys, ada: Signer, authority: Authority, tmp_path: Path
) -> None:
    _, place = seal_crate(crate, ada, stamp=stamper(authority.address))
    other = make_authority(tmp_path / "other")
    stranger = verify_crate(crate, evidence=Evidence(keys.signers, stamp_reader(other.roots)))
    assert stranger.outcome is Outcome.BAD_SIGNATURE
    stamp = place / "statement.json.sig.tsr"
    stamp.write_bytes(stamper(authority.address)(b"something else"))
    foreign = verify_crate(crate, evidence=Evidence(keys.signers, stamp_reader(authority.roots)))
    assert foreign.outcome is Outcome.BAD_SIGNATURE
    stamp.write_bytes(b"no stamp")
    for roots in (authority.roots, None):
        assert (
            verify_crate(crate, evidence=Evidence(keys.signers, stamp_reader(roots))).outcome is Outcome.BAD_SIGNATURE
        )


def test_an_authority_that_does_not_stamp_leaves_the_crate_unsealed(
    crate: Path, ada: Signer, authority: Authority, tmp_path: Path
) -> None:
    authority.status = 503
    with pytest.raises(ServerError, match="answered 503"):
        seal_crate(crate, ada, stamp=stamper(authority.address))
    authority.status = 200
    earlier = stamper(authority.address)
    old = authority.stamp(authority.asked[0])
    authority.change = lambda _: old
    with pytest.raises(ServerError, match="stamped something else"):
        seal_crate(crate, ada, stamp=earlier)
    with pytest.raises(ServerError, match="No answer from the time-stamp authority"):
        seal_crate(crate, ada, stamp=stamper("http://127.0.0.1:9/"))
    assert not (crate / "seal").exists()
    with pytest.raises(BadInputError, match="expected one with https://"):
        stamper("file:///etc/passwd")
    (tmp_path / "no.pem").write_text("")
    for place in ("no.pem", "not there.pem"):
        with pytest.raises(BadInputError, match="holds no certificates"):
            stamp_reader(tmp_path / place)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Write a crate of ours with two results."""
    when = datetime(2026, 1, 2, tzinfo=UTC)
    things = (
        ("labels.ome.zarr", EntityKind.LABEL_IMAGE, Digest(DigestKind.TREE, "a" * 64)),
        ("table.parquet", EntityKind.FILE, Digest(DigestKind.FILE, "b" * 64)),
        ("raw.tif", EntityKind.FILE, Digest(DigestKind.FILE, "c" * 64)),
    )
    action = Action(
        job=1,
        attempt=1,
        rule="segment",
        status=Status.FINISHED,
        started=when,
        ended=when,
        inputs=(Slot("image", "raw.tif"),),
        outputs=(Slot("labels", "labels.ome.zarr"), Slot("table", "table.parquet")),
    )
    run = WorkflowRun(
        id="11111111-2222-4333-8444-555555555555",
        status=Status.FINISHED,
        workflow=Workflow("Snakefile"),
        engine=Software("snakemake", "9.22.0"),
        agent=Agent("Ada Lovelace"),
        machine=Machine("host"),
        command="snakemake",
        folder="/run",
        started=when,
        ended=when,
        rules=(Rule("segment", RuleKind.SHELL),),
        actions=(action,),
        entities=tuple(
            DataEntity(path, kind, Presence.PRESENT, digest=digest, size=9) for path, kind, digest in things
        ),
    )
    write_crate(run, tmp_path / "own", Payload())
    return tmp_path / "own"


def test_an_attestation_names_the_results_and_is_by_the_key_of_the_seal(own: Path, keys: Keys, ada: Signer) -> None:
    statement, place = seal_crate(own, ada, attest=attester(own, keys.ada))
    envelope = (place / "attestation.dsse.json").read_bytes()
    from securesystemslib.dsse import Envelope

    payload = json.loads(Envelope.from_dict(json.loads(envelope)).payload)
    assert payload["_type"] == "https://in-toto.io/Statement/v1"
    assert payload["subject"] == [
        {"name": "labels.ome.zarr", "digest": {"filiation_tree1": "a" * 64}},
        {"name": "table.parquet", "digest": {"sha256": "b" * 64}},
    ]
    assert payload["predicate"] == statement.to_json()
    evidence = Evidence(keys.signers, None, check_attestation)
    report = verify_crate(own, evidence=evidence)
    assert report.holds
    assert report.seals[0].attested
    assert public_key((place / "statement.json.sig").read_bytes()) == b" ".join(
        keys.ada.with_suffix(".pub").read_bytes().split()[:2]
    )


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", "256"), ("ecdsa", "256"), ("rsa", "2048")])
def test_any_usual_key_signs_seals_and_attestations(
    own: Path, keys: Keys, tmp_path: Path, kind: str, bits: str
) -> None:
    key = tmp_path / kind
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", key], check=True)
    seal_crate(own, Signer("Ada", None, key), attest=attester(own, key))
    report = verify_crate(own, evidence=Evidence(None, None, check_attestation), any_signer=True)
    assert report.holds
    assert report.seals[0].attested


def test_an_attestation_by_another_key_or_of_another_seal_proves_nothing(own: Path, keys: Keys, ada: Signer) -> None:
    _, place = seal_crate(own, ada, attest=attester(own, keys.bob))
    evidence = Evidence(keys.signers, None, check_attestation)
    assert verify_crate(own, evidence=evidence).outcome is Outcome.BAD_SIGNATURE
    shutil.rmtree(own / "seal")
    first, place = seal_crate(own, ada, attest=attester(own, keys.ada))
    other, _ = seal_crate(own, ada, meaning="reviewed")
    content, signature = ((place / name).read_bytes() for name in ("attestation.dsse.json", "statement.json.sig"))
    check_attestation(content, signature, first)
    with pytest.raises(BadSignatureError, match="about another seal"):
        check_attestation(content, signature, other)
    with pytest.raises(BadSignatureError, match="not signed by the key of the seal"):
        check_attestation(b"{}", signature, first)
    with pytest.raises(BadSignatureError, match="none of SSH"):
        check_attestation(content, b"-----BEGIN\nAAAA\n", first)


def test_what_cannot_be_attested_says_why(own: Path, crate: Path, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(InvalidCrateError):
        attester(crate, keys.ada)
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", locked], check=True)
    with pytest.raises(BadInputError, match="cannot sign an attestation"):
        attester(own, locked)
