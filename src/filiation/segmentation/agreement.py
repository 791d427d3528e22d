"""How well labels agree with a known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from filiation.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of found objects with true ones.

    Parameters
    ----------
    f1
        Harmonic mean of precision and recall over objects; a found object is right if its intersection over union
        with a true one exceeds the threshold.
    aji
        Aggregated Jaccard Index: overlap of the best pairs over the union of everything.
    true, found, matched
        Numbers of objects.
    """

    f1: float
    aji: float
    true: int
    found: int
    matched: int


def agreement(truth: npt.NDArray[Any], labels: npt.NDArray[Any], *, threshold: float = 0.5) -> Agreement:
    """Compare labels with the truth.

    F1 at an intersection over union of 0.5 is that of Caicedo et al., Nature Methods 16 (2019), 1247; the Aggregated
    Jaccard Index that of Kumar et al., IEEE Transactions on Medical Imaging 36 (2017), 1550. At 0.5 or more a pair is
    unique, so no assignment is needed. Two empty images agree fully.

    Parameters
    ----------
    truth, labels
        Integers of one shape; 0 is background.
    threshold
        Of the intersection over union, at least 0.5.

    Raises
    ------
    BadInputError
        If the shapes differ or the threshold is below 0.5.

    Examples
    --------
    >>> truth = np.array([[1, 1, 0, 2, 2]])
    >>> agreement(truth, np.array([[7, 7, 7, 0, 0]]))
    Agreement(f1=0.6666666666666666, aji=0.4, true=2, found=1, matched=1)
    """
    if truth.shape != labels.shape:
        raise BadInputError(f"Labels of shape {labels.shape} cannot be compared with a truth of shape {truth.shape}.")
    if not 0.5 <= threshold < 1:
        raise BadInputError(f"The threshold of the intersection over union is in 0.5 … 1; found {threshold}.")
    overlap = _overlaps(truth, labels)
    true_sizes, found_sizes = overlap.sum(axis=1)[1:], overlap.sum(axis=0)[1:]
    rows, columns, shared = sparse.find(overlap[1:, 1:])
    union = true_sizes[rows] + found_sizes[columns] - shared
    matched = int(np.count_nonzero(shared / union > threshold)) if len(shared) else 0
    objects = len(true_sizes) + len(found_sizes)
    return Agreement(
        f1=2 * matched / objects if objects else 1.0,
        aji=_aggregated_jaccard(rows, columns, shared, union, true_sizes, found_sizes),
        true=len(true_sizes),
        found=len(found_sizes),
        matched=matched,
    )


def _overlaps(truth: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
    """Return pixels in common: a sparse matrix with a row per true object, a column per found one; 0 is background."""
    _, rows = np.unique(np.append(truth.ravel(), 0), return_inverse=True)
    _, columns = np.unique(np.append(labels.ravel(), 0), return_inverse=True)
    ones = np.ones(truth.size, np.int64)
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    return sparse.coo_array((ones, (rows[:-1], columns[:-1])), shape=shape).tocsr()


def _aggregated_jaccard(
    rows: npt.NDArray[Any],
    columns: npt.NDArray[Any],
    shared: npt.NDArray[Any],
    union: npt.NDArray[Any],
    true_sizes: npt.NDArray[Any],
    found_sizes: npt.NDArray[Any],
) -> float:
    # For each true object the found one with the best ratio; a found object may serve several, as Kumar et al. have it.
    best: dict[int, int] = {}
    for pair in np.argsort(shared / union, kind="stable"):
        best[int(rows[pair])] = int(pair)
    pairs = list(best.values())
    missed = np.delete(true_sizes, list(best)).sum()
    unused = np.delete(found_sizes, np.unique(columns[pairs]) if pairs else []).sum()
    total = union[pairs].sum() + missed + unused
    return float(shared[pairs].sum() / total) if total else 1.0
