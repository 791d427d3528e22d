"""Pages for those who never open a terminal: what the catalogue knows, read-only, in a browser.

Everything shown is an answer of :mod:`filiation.lineage`; every page ``/X`` has a twin ``/api/X`` that says the same as
JSON. :func:`filiation.web.application.create_app` puts the pages together; ``docs/reference/web.md`` describes them.
The room needs the extra ``web``, so nothing is imported here.
"""
