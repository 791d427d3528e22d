"""IRoi: the regions of an image, with their shapes."""

from __future__ import annotations

from typing import Any

import omero.api

from tests.omero_server.services.service import Call, Service

ROIS = "select r from Roi r left outer join fetch r.shapes s"


class IRoi(Service, omero.api.IRoi):
    """Regions found by image, plane or id."""

    def do_findByImage(self, call: Call, image: int, options: Any) -> Any:
        """Return the regions of an image."""
        return result(options, call.objects(f"{ROIS} where r.image.id = :id order by r.id, s.id", id=image))

    def do_findByRoi(self, call: Call, roi: int, options: Any) -> Any:
        """Return one region."""
        return result(options, call.objects(f"{ROIS} where r.id = :id order by s.id", id=roi))

    def do_findByPlane(self, call: Call, image: int, z: int, t: int, options: Any) -> Any:
        """Return the regions with a shape on a plane, or on all planes."""
        plane = "(s.theZ is null or s.theZ = :z) and (s.theT is null or s.theT = :t)"
        condition = f"where r.image.id = :id and {plane} order by r.id, s.id"
        return result(options, call.objects(f"{ROIS} {condition}", id=image, z=z, t=t))


def result(options: Any, rois: list[Any]) -> Any:
    """Return regions as OMERO does; its indices by plane and group stay empty."""
    return omero.api.RoiResult(options, rois, {}, {})
