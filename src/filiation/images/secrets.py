"""Values that this process signed in with: whoever writes something down keeps them out of it."""

from __future__ import annotations

_in_use: set[str] = set()


def note_secret(value: str) -> None:
    """Remember a password or a session's key."""
    _in_use.add(value)


def secrets_in_use() -> frozenset[str]:
    """Return the passwords and keys that this process came to know."""
    return frozenset(_in_use)
