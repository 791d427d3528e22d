"""Which processor a network runs on, and what it is called."""

from __future__ import annotations

from typing import Any

from filiation.errors import BadInputError


def torch_device(torch: Any, wanted: str) -> tuple[Any, str]:
    """Return PyTorch's device and its name for a person.

    Parameters
    ----------
    torch
        The library.
    wanted
        ``auto`` for a GPU where there is one; ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises
    ------
    BadInputError
        If there is no such device.
    """
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    there = [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
    name = {"auto": there[0], "cuda": "cuda:0"}.get(wanted, wanted)
    if name not in there:
        raise BadInputError(
            f"There is no device {wanted!r} to run a network on; there are {', '.join(there)}, and auto."
        )
    return torch.device(name), f"{name} ({torch.cuda.get_device_name(name)})" if name.startswith("cuda") else name


def tensorflow_device(tensorflow: Any, wanted: str) -> tuple[str, str]:
    """Return TensorFlow's name of a device, and its name for a person.

    Parameters
    ----------
    tensorflow
        The library.
    wanted
        ``auto`` for a GPU where there is one; ``cpu``, ``cuda`` or ``cuda:1``.

    Raises
    ------
    BadInputError
        If there is no such device.
    """
    gpus = tensorflow.config.list_physical_devices("GPU")
    there = ["cpu", *(f"cuda:{number}" for number in range(len(gpus)))]
    name = {"auto": there[min(1, len(gpus))], "cuda": "cuda:0"}.get(wanted, wanted)
    if name not in there:
        raise BadInputError(
            f"There is no device {wanted!r} to run a network on; there are {', '.join(there)}, and auto."
        )
    if name == "cpu":
        return "/CPU:0", name
    number = int(name.partition(":")[2])
    details = tensorflow.config.experimental.get_device_details(gpus[number])
    return f"/GPU:{number}", f"{name} ({details.get('device_name', 'GPU')})"
