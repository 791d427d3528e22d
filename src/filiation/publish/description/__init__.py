"""What a repository asks of a crate: title, people, licence, date, subjects, what it was made from.

Everything that is written for others (DataCite, CITATION.cff, InvenioRDM, Dataverse, PageTab, plans of data
management) is written from one :class:`Description`, which is read from any RO-Crate. ``docs/reference/description.md``
says which property each field is read from.
"""

from filiation.publish.description.reading import describe_crate, metadata_of
from filiation.publish.description.values import (
    Creator,
    Description,
    Grant,
    Licence,
    MainWorkflow,
    Missing,
    Organisation,
    Related,
    Subject,
)

__all__ = [
    "Creator",
    "Description",
    "Grant",
    "Licence",
    "MainWorkflow",
    "Missing",
    "Organisation",
    "Related",
    "Subject",
    "describe_crate",
    "metadata_of",
]
