"""The line that switches recording on, written into a Snakemake profile that a person keeps by hand.

Comments, order and style of the file stay: the text is edited at the place that the YAML parser tells, never dumped
again. Every edit is read back before it is used; what cannot be edited so is refused with the line to add by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from filiation.errors import BadInputError

LOGGER: Final = "filiation"
LINE: Final = f"logger:\n  - {LOGGER}\n"
NEW_PROFILE: Final = f"# Snakemake reads this profile by itself: every run is recorded by filiation.\n{LINE}"


@dataclass(frozen=True, slots=True)
class Edit:
    """One place of a text, as it was and as it became.

    Parameters
    ----------
    start
        Where, in characters.
    old, new
        What stood there and what stands there now.
    """

    start: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the text with the edit made."""
        return text[: self.start] + self.new + text[self.start + len(self.old) :]


def has_logger(text: str, where: str) -> bool:
    """Tell whether a profile names the logger already.

    Raises
    ------
    BadInputError
        If the profile is not YAML, or no mapping.
    """
    return LOGGER in _loggers(_parse(text, where))


def add_logger(text: str, where: str) -> Edit:
    r"""Return the edit that adds the logger to a profile that does not name it.

    Parameters
    ----------
    text
        The profile.
    where
        Its name, for messages.

    Raises
    ------
    BadInputError
        If the profile is not YAML, no mapping, or written in a way that cannot be edited without writing it anew.

    Examples
    --------
    >>> text = "cores: 2  # mine\nlogger: [snkmt]\n"
    >>> print(add_logger(text, "profile.yaml").apply(text), end="")
    cores: 2  # mine
    logger: [snkmt, filiation]
    """
    before = _parse(text, where)
    edit = _edit(text)
    if edit is not None:
        after = _parse_or_none(edit.apply(text))
        if after == {**before, "logger": [*_loggers(before), LOGGER]}:
            return edit
    raise BadInputError(
        f"{where} is written in a way that filiation does not edit, so that nothing of yours is lost. "
        f"Add {LOGGER!r} to the list 'logger' in it by hand:\n{LINE}"
    )


def _edit(text: str) -> Edit | None:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return _append(text)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return None
    value = next((value for key, value in node.value if getattr(key, "value", None) == "logger"), None)
    if value is None:
        return _append(text)
    if isinstance(value, yaml.ScalarNode):
        return _scalar_to_list(text, value)
    if not isinstance(value, yaml.SequenceNode):
        return None
    if value.flow_style:
        end = value.end_mark.index - 1
        return Edit(end, "", f", {LOGGER}" if value.value else LOGGER)
    last = value.value[-1]
    line_end = text.find("\n", last.end_mark.index)
    newline = _newline(text)
    indent = " " * value.start_mark.column
    if line_end < 0:
        return Edit(len(text), "", f"{newline}{indent}- {LOGGER}{newline}")
    return Edit(line_end + 1, "", f"{indent}- {LOGGER}{newline}")


def _append(text: str) -> Edit:
    newline = _newline(text)
    gap = "" if not text or text.endswith("\n") else newline
    return Edit(len(text), "", gap + LINE.replace("\n", newline))


def _scalar_to_list(text: str, value: yaml.ScalarNode) -> Edit:
    start, end = value.start_mark.index, value.end_mark.index
    old = text[start:end]
    if not old.strip():
        colon = text.rindex(":", 0, start + 1) if ":" in text[: start + 1] else start
        return Edit(colon + 1, "", f" [{LOGGER}]")
    return Edit(start, old, f"[{old}, {LOGGER}]")


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _loggers(profile: dict[str, Any]) -> list[object]:
    found = profile.get("logger")
    if found is None:
        return []
    return list(found) if isinstance(found, list) else [found]


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInputError(f"The profile {where} is not YAML: {' '.join(str(error).split())}.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInputError(
            f"The profile {where} is a {type(found).__name__}; Snakemake expects pairs of an option and its value."
        )
    return found


def _parse_or_none(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None
