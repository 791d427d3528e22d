"""Fingerprints: by which a command that ran is recognised as a job's, without its text being kept a second time.

A command may hold a secret that only the run's own process can tell from other words. So the job's side keeps no text:
it keeps a digest under a key that the run's process made up, handed to its jobs and writes down nowhere. The journal
holds the same digest of each job's command; nobody can guess at words with it once the run is over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b

KEY_VARIABLE = "FILIATION_STEP_SECRET"
"""Set for the jobs of a run by its main process; of a name by which its value is withheld from logs."""
_STEP = re.compile(r"\bfiliation\s+step\b")
_OPERATORS = "();<>|&\n"


def new_key() -> str:
    """Return a key for one run."""
    return os.urandom(16).hex()


def fingerprint(words: Sequence[str], key: str) -> str:
    """Return the fingerprint of a command: one text, or the words of a program's call."""
    text = "\0".join(words).encode("utf-8", "surrogateescape")
    return blake2b(text, key=key.encode("ascii")[:64], digest_size=8).hexdigest()


def fingerprints_of(command: str, key: str) -> list[str]:
    """Return the fingerprints that what runs inside a shell command may have: the whole, and each recorded call."""
    found = [fingerprint([command.strip()], key)]
    if _STEP.search(command):
        found += [fingerprint(words, key) for words in _recorded_calls(command)]
    return list(dict.fromkeys(found))


def _recorded_calls(command: str) -> Iterator[list[str]]:
    """Yield the words after ``filiation step … --``, up to the shell's next operator."""
    words = _words(command)
    for index in range(len(words) - 1):
        if words[index].rpartition("/")[2] != "filiation" or words[index + 1] != "step":
            continue
        end = next((at for at in range(index, len(words)) if _is_operator(words[at])), len(words))
        try:
            begin = words.index("--", index, end) + 1
        except ValueError:
            continue
        yield words[begin:end]
        if end < len(words) and words[end][0] in "<>" and words[end - 1].isdigit():
            yield words[begin : end - 1]  # 2> file: the digit is the operator's, or a word before it


def _is_operator(word: str) -> bool:
    return bool(word) and all(letter in _OPERATORS for letter in word)


def _words(command: str) -> list[str]:
    import shlex

    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # no quote at the end: the shell would refuse it too
        return []
