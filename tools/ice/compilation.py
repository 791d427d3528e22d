"""Ice's source compiled and linked into IcePy, the extension module.

Most of the time of a file goes into reading the same headers, so files are compiled together, about thirty at a time:
224 files become some 50 units, and seven minutes on two cores two. Files whose private names clash with others'
(``class Init`` in most cases) stay units of their own. The archive is pinned by its SHA-256, so what was found to go
together stays so.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.ice import prerequisites
from tools.ice.errors import BuildError

SHIM = Path(__file__).parent / "shim"
FLAGS = ("-O1", "-g0", "-w", "-fPIC", "-DICE_STATIC_LIBS")
LIBRARIES = ("-lssl", "-lcrypto", "-lbz2", "-lrt", "-ldl", "-lpthread")
FOLDERS = ("IceUtil", "Slice", "IceSSL", "Ice", "IceDiscovery", "IceLocatorDiscovery")
TOGETHER = 32

# Slice compilers for other languages, which Python's never calls.
OTHER_LANGUAGES = {"CPlusPlusUtil", "CsUtil", "DotNetNames", "JavaUtil", "ObjCUtil", "PHPUtil", "Ruby", "RubyUtil"}
# Names at file level that clash with other files' of the same folder, beyond the usual ones.
CLASHING = {
    "Ice": {
        "CommunicatorI", "ConnectionI", "Instance", "InstrumentationI", "Metrics", "MetricsAdminI", "Network",
        "ObserverHelper", "PropertiesAdminI", "Proxy",
    },
}  # fmt: skip
USUAL_CLASH = re.compile(
    r"^(class|struct) (Init|RandomNumberGenerator)\b|^\s*IceUtil::Mutex\* globalMutex", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Files compiled together; ``python`` if they see Python's headers."""

    name: str
    files: tuple[Path, ...]
    python: bool = False

    @property
    def is_c(self) -> bool:
        """Tell whether this is a file of C."""
        return self.files[0].suffix == ".c"


def library_units(source: Path) -> Iterator[Unit]:
    """Yield the units that do not know Python: Ice, its helpers, and the C preprocessor for Slice files."""
    for folder in FOLDERS:
        paths = sorted((source / "ice" / "cpp" / "src" / folder).glob("*.cpp"))
        yield from together(folder, [path for path in paths if path.stem not in OTHER_LANGUAGES])
    for path in sorted((source / "ice" / "mcpp").glob("*.c")):
        yield Unit(f"mcpp-{path.stem}", (path,))


def together(folder: str, paths: list[Path]) -> Iterator[Unit]:
    """Yield the files of a folder as units, those with clashing names alone."""
    alone = [path for path in paths if path.stem in CLASHING.get(folder, ()) or USUAL_CLASH.search(read(path))]
    rest = [path for path in paths if path not in alone]
    yield from (Unit(f"{folder}-{path.stem}", (path,)) for path in alone)
    count = -(-len(rest) // TOGETHER)
    for number in range(count):
        yield Unit(f"{folder}-{number}", tuple(rest[number::count]))


def python_units(source: Path) -> Iterator[Unit]:
    """Yield the units of the extension module itself."""
    for path in sorted(source.glob("*.cpp")):
        yield Unit(f"IcePy-{path.stem}", (path,), python=True)


def read(path: Path) -> str:
    """Return a source file's text; old files carry Latin-1 names."""
    return path.read_text(encoding="latin-1")


def compile_all(units: Iterable[Unit], source: Path, folder: Path) -> list[Path]:
    """Compile units in parallel, as many at once as this process may use cores; return the object files."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        return list(workers.map(lambda unit: compile_unit(unit, source, folder), units))


def compile_unit(unit: Unit, source: Path, folder: Path) -> Path:
    """Compile one unit and return its object file."""
    made = folder / f"{unit.name}.o"
    text = made.with_suffix(".c" if unit.is_c else ".cpp")
    text.write_text("".join(f'#include "{path}"\n' for path in unit.files))
    include = [source / "ice/mcpp"] if unit.is_c else [source, source / "ice/cpp/include", source / "ice/cpp/src"]
    if unit.python:
        include = [SHIM, *include, Path(prerequisites.python_headers())]
    compiler = prerequisites.c_compiler() if unit.is_c else f"{prerequisites.compiler()} -std=gnu++14"
    run([*compiler.split(), *FLAGS, *(f"-I{path}" for path in include), "-c", str(text), "-o", str(made)], unit.name)
    return made


def archive(objects: list[Path], library: Path) -> None:
    """Put object files into a static library."""
    run(["ar", "rcs", str(library), *map(str, objects)], library.name)


def link(objects: list[Path], library: Path, module: Path) -> None:
    """Link the extension module; the whole library, as parts of it only register themselves when loaded."""
    whole = ["-Wl,--whole-archive", str(library), "-Wl,--no-whole-archive"]
    run(
        [*prerequisites.compiler().split(), "-shared", "-s", "-o", str(module), *map(str, objects), *whole, *LIBRARIES],
        module.name,
    )


def run(command: list[str], name: str) -> None:
    """Run one command of the build; its own words in the error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if "error" in line][:10] or done.stderr.splitlines()[-10:]
        raise BuildError("\n".join([f"Building {name} failed: {' '.join(command[:1])} said", *words]))
