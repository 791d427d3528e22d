"""An OMERO server for tests: it speaks the real wire protocol to unmodified clients, and keeps everything in memory."""
