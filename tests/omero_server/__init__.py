"""An OMERO server for tests: it speaks the real wire protocol to unmodified clients, and keeps everything in memory.

``docs/reference/omero-test-server.md`` says how tests use it and where it differs from a real server. In short: HQL
is interpreted, permissions and sessions are enforced, what it does not know raises ``InternalException`` by name; it
has no rendering, search, scripts, import, event log or optimistic locking, deletes by simpler rules, and
was never compared with a real server.

``fixtures``                         what tests ask for
``server``, ``sessions``             the Ice adapter, its servants and sessions
``services/``                        OMERO's services, a file for each subject
``store``, ``rows``, ``schema``      what is kept; the classes are read from omero-py's own declarations
``accounts``, ``saving``, ``marshalling``, ``deletion``   who may do what; objects in, out and gone
``hql*``                             queries: parsed, checked, answered; without Ice
``planting``, ``pixel_data``, ``made_up``   images put in by tests
``faults``                           what can be made to go wrong
"""
