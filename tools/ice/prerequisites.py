"""What has to be on the machine before Ice can be compiled, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from tools.ice.errors import ImpossibleHereError

DEBIAN_PACKAGES = ("g++", "libssl-dev", "libbz2-dev")
PYTHONS = ((3, 11), (3, 13))
READY_WHEELS = (
    'Ready wheels of zeroc-ice 3.6.5 are offered by the OME community (https://omero.readthedocs.io, "OMERO Python"),\n'
    "and conda-forge has omero-py with all that it needs."
)
PROBE = "#include <Python.h>\n#include <openssl/ssl.h>\n#include <bzlib.h>\nint main() { return 0; }\n"


def compiler() -> str:
    """Return the C++ compiler to use: $CXX, or g++, or clang++; empty where there is none."""
    named = os.environ.get("CXX", "")
    if named and shutil.which(named.split()[0]):
        return named
    return shutil.which("g++") or shutil.which("clang++") or ""


def c_compiler() -> str:
    """Return the C compiler beside it: $CC, or gcc, or clang."""
    return os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang") or "cc"


def python_headers() -> str:
    """Return the folder of the running Python's headers."""
    return sysconfig.get_paths()["include"]


def refuse_other_platforms() -> None:
    """Raise where this program was never tried."""
    lowest, highest = PYTHONS
    if not lowest <= sys.version_info[:2] <= highest:
        raise ImpossibleHereError(
            f"zeroc-ice can be built here for Python 3.11 to 3.13; this is {platform.python_version()}.\n{READY_WHEELS}"
        )
    if sys.platform != "linux":
        raise ImpossibleHereError(f"zeroc-ice is built here on Linux only; this is {sys.platform}.\n{READY_WHEELS}")


def missing() -> str:
    """Return what the compiler says is missing, in one line; empty where everything is there."""
    if not compiler():
        return "no C++ compiler (g++ or clang++) on the PATH"
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.cpp"
        probe.write_text(PROBE)
        link = ["-lssl", "-lcrypto", "-lbz2", "-o", str(probe.with_suffix(""))]
        command = [*compiler().split(), "-I", python_headers(), str(probe), *link]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stderr.splitlines() if "error" in line or "cannot find" in line]
    return (errors or done.stderr.splitlines() or ["the compiler fails without a message"])[0]


def can_install() -> bool:
    """Tell whether this process may install Debian's packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def ensure() -> None:
    """Return when everything is there, after installing Debian's packages if that is allowed; else explain."""
    refuse_other_platforms()
    found = missing()
    if found and can_install():
        print("Installing with apt-get:", *packages(), file=sys.stderr)
        apt_get("update", "--quiet")
        apt_get("install", "--yes", "--no-install-recommends", *packages())
        found = missing()
    if found:
        raise ImpossibleHereError(explanation(found))


def apt_get(*arguments: str) -> None:
    """Run apt-get without its output; whether it helped shows in what is missing afterwards."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", *arguments], check=False, stdout=subprocess.DEVNULL, env=environment)


def packages() -> tuple[str, ...]:
    """Return Debian's packages for the running Python; a Python of the user's own brings its headers."""
    return DEBIAN_PACKAGES if Path(python_headers(), "Python.h").exists() else (*DEBIAN_PACKAGES, "python3-dev")


def explanation(found: str) -> str:
    """Return what is missing and how to get it."""
    return (
        f"zeroc-ice cannot be compiled on this machine: {found}.\n"
        f"On Debian and Ubuntu: sudo apt-get install {' '.join(packages())}\n{READY_WHEELS}"
    )
