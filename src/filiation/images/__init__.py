"""Images, label images and tables: read from where they come, written as OME-Zarr and Parquet.

An image comes from a *source*, named by a path or a URI, and is written as an OME-Zarr 0.5 store with physical sizes
and lower resolutions. A label image is a store of its own that points to the image it was made from; the image's store
is never written to again, so its digest stands.

>>> import tempfile
>>> from pathlib import Path
>>> folder = Path(tempfile.mkdtemp())
>>> image = open_source("synthetic:nuclei3d?seed=7&shape=16,64,64&nuclei=4").fetch()
>>> write_image(folder / "raw.ome.zarr", image)
>>> facts = image_facts(folder / "raw.ome.zarr")
>>> facts.axes, facts.shape, facts.scale
(('z', 'y', 'x'), (16, 64, 64), (1.0, 0.5, 0.5))
>>> pixel_digest(folder / "raw.ome.zarr") == pixel_digest_of_array(image.data, image.axes)
True
>>> bright = image.labelled((image.data > 2000).astype("uint32"))
>>> write_labels(folder / "bright.ome.zarr", bright)
>>> read_labels(folder / "bright.ome.zarr").values
(1,)
"""

from filiation.images.anndata_tables import write_anndata
from filiation.images.assembly import annotate_labels, assemble
from filiation.images.colours import colour_of_label
from filiation.images.conformance import Finding, check_place, check_store
from filiation.images.facts import image_facts
from filiation.images.image import Image, LabelImage, Pyramid
from filiation.images.label_parts import LabelPart
from filiation.images.label_writing import LabelStore, noted_sizes
from filiation.images.mesh_files import write_meshes
from filiation.images.object_boxes import box_table, boxes_of
from filiation.images.object_polygons import write_polygons
from filiation.images.object_store import ObjectPlace, digest_objects, place_of_store
from filiation.images.object_writing import put_store
from filiation.images.ome_zarr import read_image, read_labels, write_image, write_labels
from filiation.images.pictures import write_picture
from filiation.images.pixels import pixel_digest, pixel_digest_of_array
from filiation.images.plate_sources import PlateSource, layout_of, plate_from, plate_source
from filiation.images.plate_writing import FieldStores, assemble_plate, write_plate
from filiation.images.plates import Plate, PlateField, open_plate
from filiation.images.series import ChannelSeries, LabelFrame, add_sizes, slabs_of, write_frames
from filiation.images.sources import Source, SourceIdentity, fetch_into, open_source
from filiation.images.store_format import StoreFormat
from filiation.images.tables import Table, read_table, write_table
from filiation.images.tiff import read_tiff_labels, write_tiff
from filiation.images.volume import ChannelVolume

__all__ = [
    "ChannelSeries",
    "ChannelVolume",
    "FieldStores",
    "Finding",
    "Image",
    "LabelFrame",
    "LabelImage",
    "LabelPart",
    "LabelStore",
    "ObjectPlace",
    "Plate",
    "PlateField",
    "PlateSource",
    "Pyramid",
    "Source",
    "SourceIdentity",
    "StoreFormat",
    "Table",
    "add_sizes",
    "annotate_labels",
    "assemble",
    "assemble_plate",
    "box_table",
    "boxes_of",
    "check_place",
    "check_store",
    "colour_of_label",
    "digest_objects",
    "fetch_into",
    "image_facts",
    "layout_of",
    "noted_sizes",
    "open_plate",
    "open_source",
    "pixel_digest",
    "pixel_digest_of_array",
    "place_of_store",
    "plate_from",
    "plate_source",
    "put_store",
    "read_image",
    "read_labels",
    "read_table",
    "read_tiff_labels",
    "slabs_of",
    "write_anndata",
    "write_frames",
    "write_image",
    "write_labels",
    "write_meshes",
    "write_picture",
    "write_plate",
    "write_polygons",
    "write_table",
    "write_tiff",
]
