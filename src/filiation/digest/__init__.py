"""What bytes are: SHA-256 of a file, one digest of a directory tree, and which file of a tree has changed.

A tree is digested without regard to the order in which the file system lists it, through a manifest that the
coreutils can make as well (``docs/reference/tree-digest.md``); the manifest then names the file that differs.

>>> import pathlib, tempfile
>>> folder = tempfile.TemporaryDirectory()
>>> store = pathlib.Path(folder.name)
>>> _ = (store / "zarr.json").write_bytes(b"{}")
>>> tree = digest_tree(store)
>>> str(tree.digest)
'tree1:7dbccab6d63629be49e95d2b0c3cf1c898bbb6c0fc96fd8998ced135f8f6a679'
>>> tree.files, tree.size
(1, 2)
>>> _ = (store / "zarr.json").write_bytes(b"[]")
>>> compare_tree(store, tree.manifest)
(Difference(path='zarr.json', what='changed'),)
>>> folder.cleanup()
"""

from filiation.digest.cache import DigestCache
from filiation.digest.comparison import Difference, compare_tree
from filiation.digest.files import digest_file
from filiation.digest.manifest import ManifestEntry, read_manifest
from filiation.digest.trees import TreeDigest, digest_tree, tree_of
from filiation.digest.walk import LEFT_OUT
from filiation.digest.written import WrittenFiles

__all__ = [
    "LEFT_OUT",
    "Difference",
    "DigestCache",
    "ManifestEntry",
    "TreeDigest",
    "WrittenFiles",
    "compare_tree",
    "digest_file",
    "digest_tree",
    "read_manifest",
    "tree_of",
]
