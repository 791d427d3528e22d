"""Segmentation: methods found by name, measurements of objects, agreement with a truth, a picture to judge by.

Everything here works on arrays and plain numbers; nothing knows of files, Snakemake or OMERO.

>>> import numpy as np
>>> y, x = np.mgrid[:40, :60]
>>> blobs = 100 * np.exp(-((y - 20) ** 2 + (x - 15) ** 2) / 40) + 100 * np.exp(-((y - 20) ** 2 + (x - 45) ** 2) / 40)
>>> segment = method_named("otsu_watershed")
>>> labels = segment(
...     blobs, (0.5, 0.5), sigma=0.5, window=0, correction=1.0, spacing=3.0, minimum_size=5.0
... )
>>> measure(labels, blobs, ("y", "x"), (0.5, 0.5)).select(["label", "centroid_x"]).to_pylist()
[{'label': 1, 'centroid_x': 7.5}, {'label': 2, 'centroid_x': 22.5}]
>>> agreement(labels, labels).f1
1.0
"""

from filiation.segmentation.agreement import Agreement, agreement
from filiation.segmentation.frames import (
    EACH,
    measure_frames,
    overlay_frames,
    segment_frames,
    segmented_frames,
    with_time,
)
from filiation.segmentation.measure import measure, measure_volume
from filiation.segmentation.meshes import Mesh, mesh_object, mesh_objects
from filiation.segmentation.methods import LEARNED, METHODS, Method, channels_of, method_named, needed_by, parameters_of
from filiation.segmentation.overlay import overlay
from filiation.segmentation.seeded import log_watershed, membrane_distance, membrane_watershed
from filiation.segmentation.thresholding import hysteresis, local_threshold, otsu_components, otsu_watershed
from filiation.segmentation.track_agreement import TrackAgreement, track_agreement
from filiation.segmentation.tracking import Tracked, Tracker, track
from filiation.segmentation.tracks import Track, track_properties, tracks_table, tracks_text
from filiation.segmentation.wells import objects_of_plate, plate_picture, wells_of_plate

__all__ = [
    "EACH",
    "LEARNED",
    "METHODS",
    "Agreement",
    "Mesh",
    "Method",
    "Track",
    "TrackAgreement",
    "Tracked",
    "Tracker",
    "agreement",
    "channels_of",
    "hysteresis",
    "local_threshold",
    "log_watershed",
    "measure",
    "measure_frames",
    "measure_volume",
    "membrane_distance",
    "membrane_watershed",
    "mesh_object",
    "mesh_objects",
    "method_named",
    "needed_by",
    "objects_of_plate",
    "otsu_components",
    "otsu_watershed",
    "overlay",
    "overlay_frames",
    "parameters_of",
    "plate_picture",
    "segment_frames",
    "segmented_frames",
    "track",
    "track_agreement",
    "track_properties",
    "tracks_table",
    "tracks_text",
    "wells_of_plate",
    "with_time",
]
