"""The wheel: which files go in, what they are called, and where finished wheels are kept."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from tools.ice import compilation, prerequisites, source

PYTHON_TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"
TAG = f"{PYTHON_TAG}-{PYTHON_TAG}-linux_{platform.machine()}"
WHEEL = f"zeroc_ice-{source.VERSION}-{TAG}.whl"
DIST_INFO = f"zeroc_ice-{source.VERSION}.dist-info"
WHEEL_METADATA = f"Wheel-Version: 1.0\nGenerator: filiation\nRoot-Is-Purelib: false\nTag: {TAG}\n"
ENTRY_POINTS = "[console_scripts]\nslice2py = slice2py:main\n"
LICENCES = ("LICENSE", "ICE_LICENSE", "MCPP_LICENSE")


def cache_folder() -> Path:
    """Return the folder where the archive, Ice's library and the wheels are kept, outside every repository."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "filiation" / "wheels"


def library_key() -> str:
    """Return a name for everything that decides the bytes of Ice's library: source, recipe, distribution."""
    recipe = hashlib.sha256()
    here = Path(__file__).parent
    for path in (here / "compilation.py", here / "source.py", here / "wheel.py", *sorted(here.glob("shim/*"))):
        recipe.update(path.read_bytes())
    recipe.update(distribution().encode())
    return recipe.hexdigest()[:16]


def distribution() -> str:
    """Return the distribution and machine: a wheel is linked to its OpenSSL and its C library."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return f"{release.get('ID', 'linux')}-{release.get('VERSION_ID', platform.release())}-{platform.machine()}"


def cached_wheel() -> Path:
    """Return where the wheel for the running Python is or will be."""
    return cache_folder() / f"{distribution()}-{library_key()}" / WHEEL


def wheel() -> Path:
    """Return the wheel for the running Python, built if it is not in the cache."""
    place = cached_wheel()
    if place.exists():
        return place
    prerequisites.ensure()
    archive = source.fetch(cache_folder())
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="filiation-ice-") as folder:
        root = source.unpack(archive, Path(folder))
        module = Path(folder) / f"IcePy{sysconfig.get_config_var('EXT_SUFFIX')}"
        build_module(root, Path(folder), place.parent / "libice.a", module)
        unfinished = place.with_name(f".{os.getpid()}-{WHEEL}")
        pack(root, module, unfinished)
        unfinished.replace(place)
    return place


def build_module(root: Path, folder: Path, library: Path, module: Path) -> None:
    """Compile the extension module; Ice's library, which knows no Python, is kept for other Pythons."""
    code = root / "src"
    if not library.exists():
        say("Compiling Ice's library (two to four minutes on two cores) ...")
        unfinished = library.with_name(f".{os.getpid()}-{library.name}")
        compilation.archive(compilation.compile_all(compilation.library_units(code), code, folder), unfinished)
        unfinished.replace(library)
    say(f"Compiling Ice's module for Python {platform.python_version()} (a minute) ...")
    compilation.link(compilation.compile_all(compilation.python_units(code), code, folder), library, module)


def pack(root: Path, module: Path, place: Path) -> None:
    """Write the wheel: the modules of ``lib``, the Slice files, the extension module, and what pip wants to know."""
    record: list[str] = []
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as packed:

        def add(name: str, content: bytes) -> None:
            packed.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}")

        library = root / "lib"
        for path in sorted([*library.rglob("*.py"), *library.rglob("*.ice")]):
            add(path.relative_to(library).as_posix(), path.read_bytes())
        add(module.name, module.read_bytes())
        for name in LICENCES:
            add(f"{DIST_INFO}/{name}", (root / name).read_bytes())
        add(f"{DIST_INFO}/METADATA", (root / "PKG-INFO").read_bytes())
        add(f"{DIST_INFO}/WHEEL", WHEEL_METADATA.encode())
        add(f"{DIST_INFO}/entry_points.txt", ENTRY_POINTS.encode())
        packed.writestr(f"{DIST_INFO}/RECORD", "\n".join([*record, f"{DIST_INFO}/RECORD,,", ""]))


def say(line: str) -> None:
    """Tell what goes on; the wheel's path alone goes to the standard output."""
    print(line, file=sys.stderr, flush=True)
