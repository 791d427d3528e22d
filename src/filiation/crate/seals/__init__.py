"""Seals: who stands for a crate's every byte, since when, and in what sense; anybody can check it without a network.

A seal is a folder ``seal/<number>/`` in the crate: the digests of all that the crate holds (``manifest.sha256``), a
statement by a person about them (``statement.json``) and the person's SSH signature of the statement
(``statement.json.sig``). Later seals, of a reviewer or after a change, stand beside the earlier ones and name them.
``docs/reference/seal.md`` specifies it, with the commands that check a seal by hand.
"""

from filiation.crate.seals.report import Outcome, SealCheck, SealReport, TimeStamp
from filiation.crate.seals.sealing import Signer, seal_crate
from filiation.crate.seals.statement import SEALS, Statement
from filiation.crate.seals.verification import Evidence, verify_crate, verify_within

__all__ = [
    "SEALS",
    "Evidence",
    "Outcome",
    "SealCheck",
    "SealReport",
    "Signer",
    "Statement",
    "TimeStamp",
    "seal_crate",
    "verify_crate",
    "verify_within",
]
