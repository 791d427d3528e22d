"""A wheel of zeroc-ice 3.6.5, OMERO's transport, for Pythons that its authors no longer build it for.

omero-py needs zeroc-ice 3.6, which is published as source for Python up to 3.10. ``python -m tools.ice`` takes that
source from the package registry, checks its SHA-256, and builds a wheel for the Python that runs it (3.11 to 3.13,
Linux) with two things of our own: a header that gives back what newer CPythons dropped (``shim/``), and two replaced
lines in ``lib/Ice.py``. Nothing of Ice's source is kept here: it is under the GPL, version 2, with exceptions.

What is built stays outside the repository, in ``$XDG_CACHE_HOME/filiation/wheels``, under a key of everything that
decides the bytes; asking a second time costs nothing.

``source``        the archive, checked, unpacked, with the two lines replaced
``prerequisites`` compiler and headers: found, explained, or installed from Debian's packages
``compilation``   the source as a few dozen units, compiled in parallel and linked
``wheel``         the files of a wheel, and its place in the cache
"""
