"""``python -m tools.ice``: print the path of a zeroc-ice wheel for this Python, built if need be.

``--possible`` builds nothing: it tells by its exit status (0 or 3) whether there is a wheel or one could be built,
and why not.
"""

from __future__ import annotations

import importlib.util
import sys

from tools.ice import prerequisites, wheel
from tools.ice.errors import BuildError, ImpossibleHereError


def main(arguments: list[str]) -> int:
    """Run the command; 0 done, 1 the build failed, 3 it is impossible on this machine."""
    try:
        if "--possible" in arguments:
            raise_if_impossible()
        else:
            print(wheel.wheel())
    except ImpossibleHereError as error:
        print(error, file=sys.stderr)
        return 3
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def raise_if_impossible() -> None:
    """Raise where there is no zeroc-ice and none can be built; nothing is installed or compiled."""
    if importlib.util.find_spec("IcePy") or wheel.cached_wheel().exists():
        return
    prerequisites.refuse_other_platforms()
    found = prerequisites.missing()
    if found and not prerequisites.can_install():
        raise ImpossibleHereError(prerequisites.explanation(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
