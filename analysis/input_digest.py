"""When are two computations the same? A digest of inputs, parameters and the code that computes."""

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.shared_reading import once_of_object

PROJECT = Path(__file__).resolve().parents[1]
COMPUTING_CODE = (
    "analysis/kernels/*.py", "analysis/tasks/*.py", "analysis/design_frame.py",
    "labdb/behavior/trackers/*.py", "labdb/behavior/tracking/scoring.py", "labdb/behavior/tracking/sources.py",
)  # fmt: skip
COMPUTING_PACKAGES = ("numpy", "scipy", "pandas")
STORED_AS = "stored as"  # attribute of a frame of stored numbers that never change: names them, and stands for them


def input_digest(task_name: str, parameters: Mapping[str, Any], inputs: Any) -> str:
    """Return the SHA-256 of everything that a result follows from.

    Parameters
    ----------
    inputs : frozen dataclass
        What the task loaded: frames, rules, primary keys.
    """
    digest = hashlib.sha256()
    _add(digest, [task_name, dict(parameters), inputs, package_versions(), code_digest()])
    return digest.hexdigest()


def part_digests(inputs: Any) -> dict[str, dict[str, Any]]:
    """Return the digest of each part of what a task loaded, by name, and how many rows it has.

    Records alone count: neither code nor packages, so that a digest of today can be held against one of last year.

    Parameters
    ----------
    inputs : frozen dataclass
        A part that is itself a dataclass is taken apart too (the comparisons of `reversal`; a rule is one value).

    Returns
    -------
    dict of str to dict
        ``digest`` (SHA-256) and, where it has rows, ``rows``.
    """
    parts: dict[str, dict[str, Any]] = {}
    for field in dataclasses.fields(inputs):
        value = getattr(inputs, field.name)
        if dataclasses.is_dataclass(value) and any(isinstance(one, pd.DataFrame) for one in vars(value).values()):
            parts |= part_digests(value)
            continue
        parts[field.name] = {"digest": _part_digest(value)}
        if isinstance(value, pd.DataFrame | pd.Series | Mapping | tuple):
            parts[field.name]["rows"] = len(value)
    return parts


def _part_digest(value: Any) -> str:
    def made() -> str:
        digest = hashlib.sha256()
        _add(digest, _named(value))
        return digest.hexdigest()

    # A frame that several questions of one look share is digested once.
    return once_of_object("digest", value, made) if isinstance(value, pd.DataFrame | pd.Series) else made()


def frame_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a frame: index, columns and every value to the bit."""
    digest = hashlib.sha256()
    _add(digest, frame.reset_index())
    return digest.hexdigest()


def _named(value: Any) -> Any:
    """Return what names stored numbers in place of them."""
    if isinstance(value, pd.DataFrame) and STORED_AS in value.attrs:
        return [value.attrs[STORED_AS], value.index.to_series(), list(value.columns)]
    return value


@cache
def package_versions() -> dict[str, str]:
    """Versions of the packages that compute."""
    return {name: version(name) for name in COMPUTING_PACKAGES}


@cache
def code_digest() -> str:
    """SHA-256 of the sources that compute.

    The commit would not do: every commit would repeat every run, and two edits of one commit would seem the same.
    """
    digest = hashlib.sha256()
    for pattern in COMPUTING_CODE:
        for path in sorted(PROJECT.glob(pattern)):
            digest.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    """Feed a value with its type and length, so that no two different values feed the same bytes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        _add(digest, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    elif isinstance(value, pd.DataFrame):
        digest.update(f"frame {value.shape}".encode())
        _add(digest, value.index.to_series())
        for name, column in value.items():
            _add(digest, name)
            _add_column(digest, column)
    elif isinstance(value, pd.Series):
        digest.update(f"series {value.shape}".encode())
        _add_column(digest, value)
    elif isinstance(value, Mapping):
        digest.update(f"mapping {len(value)}".encode())
        for key in sorted(value, key=repr):
            _add(digest, key)
            _add(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"sequence {len(value)}".encode())
        for part in value:
            _add(digest, part)
    elif value is None or isinstance(value, str | bool | int | float | np.generic):
        _add_text(digest, f"{type(value).__name__} {value!r}")
    else:
        raise TypeError(f"a task's inputs may hold frames and plain values; got {type(value).__name__}")


def _add_column(digest: Any, column: pd.Series) -> None:
    values = column.to_numpy()
    digest.update(values.dtype.str.encode())
    if values.dtype == object:
        _add_text(digest, repr(values.tolist()))
    else:
        digest.update(values.tobytes())


def _add_text(digest: Any, text: str) -> None:
    encoded = text.encode()
    digest.update(len(encoded).to_bytes(8, "little") + encoded)
