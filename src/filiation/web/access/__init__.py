"""Who looks, and what they may see."""

from filiation.web.access.viewer import VIEWER, Viewer, require

__all__ = ["VIEWER", "Viewer", "require"]
