"""The published source of zeroc-ice 3.6.5: fetched by pip, checked, unpacked, and two lines of it replaced."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.ice.errors import BuildError

VERSION = "3.6.5"
ARCHIVE = f"zeroc-ice-{VERSION}.tar.gz"
SHA256 = "4235ffeb605bcd4e22e716577f7d61e4aa1bc82f65276bb542701a81b7933356"

REPLACEMENTS = (
    # CPython 3.12 has no module `imp`; what Ice takes of it is one function.
    (
        "import sys, string, imp, os, threading, warnings, datetime",
        "import sys, string, types, os, threading, warnings, datetime",
    ),
    ("nmod = imp.new_module(curr)", "nmod = types.ModuleType(curr)"),
)


def fetch(cache: Path) -> Path:
    """Return the archive in ``cache``, downloaded by pip if it is not there, its SHA-256 checked either way."""
    archive = cache / ARCHIVE
    if not archive.exists():
        with tempfile.TemporaryDirectory() as folder:
            download(Path(folder))
            check(Path(folder) / ARCHIVE)
            cache.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(folder) / ARCHIVE, archive)
    check(archive)
    return archive


def download(folder: Path) -> None:
    """Let pip put the archive into ``folder``, from whatever registry this machine's pip is set up for."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    wanted = ["--no-deps", "--no-binary", "zeroc-ice", "--dest", str(folder), f"zeroc-ice=={VERSION}"]
    done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
    if done.returncode or not (folder / ARCHIVE).exists():
        raise BuildError(f"pip could not download {ARCHIVE}:\n{done.stderr.strip()}")


def check(archive: Path) -> None:
    """Raise unless the archive is, byte for byte, the one that this program was written for."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise BuildError(
            f"{archive} is not the source that was expected.\n"
            f"Its SHA-256 is     {found}\nand should be      {SHA256}\nDelete the file and try again."
        )


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into ``folder`` with the two lines replaced; return the root of the source."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    root = folder / ARCHIVE.removesuffix(".tar.gz")
    module = root / "lib" / "Ice.py"
    module.write_text(replaced(module.read_text(encoding="utf-8")), encoding="utf-8")
    return root


def replaced(text: str) -> str:
    """Return the text of ``Ice.py`` with the two lines replaced, each of which must be there exactly once."""
    for old, new in REPLACEMENTS:
        if text.count(old) != 1:
            raise BuildError(f"lib/Ice.py should have this line once, and has it {text.count(old)} times: {old}")
        text = text.replace(old, new)
    return text
