"""Crates deposited in repositories: Zenodo and other InvenioRDM, Dataverse, WorkflowHub.

A deposit has a course (:mod:`~filiation.publish.deposits.course`): a draft is found or made, its DOI reserved and
written into a copy of the crate, the copy sealed and packed, files sent and compared, and on request published. Each
step stands in a journal before and after it is done, so a killed upload goes on and never makes a second draft. Each
service is a client behind one seam (``repository``) and a form that says what it wants of a crate; only ``http`` speaks
HTTP.
"""

from filiation.publish.deposits.depositing import (
    Depositing,
    DepositReport,
    Wish,
    deposits_folder,
    list_deposits,
    payload_of,
    service_of,
)
from filiation.publish.deposits.journal import DepositState
from filiation.publish.deposits.patience import Patience
from filiation.publish.deposits.preparing import Telling
from filiation.publish.deposits.services import KINDS, Service
from filiation.publish.deposits.tokens import Token, find_token

__all__ = [
    "KINDS",
    "DepositReport",
    "DepositState",
    "Depositing",
    "Patience",
    "Service",
    "Telling",
    "Token",
    "Wish",
    "deposits_folder",
    "find_token",
    "list_deposits",
    "payload_of",
    "service_of",
]
