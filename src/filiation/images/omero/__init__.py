"""Images that live in OMERO: signed in to, listed, described and streamed into OME-Zarr.

Only this package speaks to omero-py, and imports it when a server is really asked: without the extra
``filiation[omero]`` everything else works. Credentials come from the environment, from ``omero login`` or from a
question on a terminal, never from a command line, a configuration or a parameter; see
``docs/how-to/omero.md``.

>>> from filiation.images.omero import Address
>>> Address.from_uri("omero://omero.example.org/image/51").iri
'https://omero.example.org/Image/51'
"""

from filiation.images.omero.address import Address, Host, Kind
from filiation.images.omero.listing import ListedImage, images_of, list_images
from filiation.images.omero.source import OmeroSource

__all__ = ["Address", "Host", "Kind", "ListedImage", "OmeroSource", "images_of", "list_images"]
