"""Who looks, what they may do and see, and what is written down of it.

A *way* (:mod:`~filiation.web.access.ways`, :mod:`~filiation.web.access.oidc`) tells who asks, *rules* say what they
may, and the *door* stands in front of every page. What somebody may see is enforced at one place,
:class:`filiation.web.questions.Questions`, which gives every page the catalogue as its reader may see it.
"""

from filiation.web.access.settings import AccessSettings, read_settings
from filiation.web.access.viewer import AUDITOR, EXPORTER, VIEWER, Viewer, require, who_looks

__all__ = ["AUDITOR", "EXPORTER", "VIEWER", "AccessSettings", "Viewer", "read_settings", "require", "who_looks"]
