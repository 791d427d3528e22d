"""Answers that are not what a service sends: told in a sentence, whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from filiation.errors import ServerError
from filiation.publish.deposits.services import Service

_Given = ParamSpec("_Given")
_Told = TypeVar("_Told")


class _OfAService(Protocol):
    service: Service


_Client = TypeVar("_Client", bound=_OfAService)


def understood(method: Callable[Concatenate[_Client, _Given], _Told]) -> Callable[Concatenate[_Client, _Given], _Told]:
    """Let a client's method raise ServerError where the answer that it reads has another form than the service's.

    A proxy's page, another service at that address, a version that answers otherwise: none of it is our fault, or one
    that a traceback would help with.
    """

    @wraps(method)
    def reading(client: _Client, /, *given: _Given.args, **named: _Given.kwargs) -> _Told:
        try:
            return method(client, *given, **named)
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            service = client.service
            raise ServerError(
                f"{service} answers otherwise than {service.kind.title} does ({type(error).__name__}: {error}). Is "
                f"{service.address} the address of one? What was done is kept."
            ) from error

    return reading
