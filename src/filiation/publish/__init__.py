"""What leaves the house: results and their provenance, put where others look.

``registration`` says what of a run belongs on which image of an OMERO server; ``omero`` puts it there, tells what is
there already, and takes it away again, each time by a ``change`` with a record of its own; ``within_a_run`` does so
from a job of the run itself.
"""

from filiation.publish.omero import RegistrationReport, register, undo
from filiation.publish.pieces import Outcome
from filiation.publish.registration import ImageResults, RegistrationPlan, plan_registration
from filiation.publish.within_a_run import register_within_a_run

__all__ = [
    "ImageResults",
    "Outcome",
    "RegistrationPlan",
    "RegistrationReport",
    "plan_registration",
    "register",
    "register_within_a_run",
    "undo",
]
