"""The maps of RRHO as one compact value of the database, and as a table for people."""

import hashlib
import io
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MAPS = ("log10_p", "overlap", "null_log10_p")


@dataclass(frozen=True)
class RrhoCells:
    """Frames by quadrant, as `rrho` and `relabeling_p` give them.

    Attributes
    ----------
    log10_p, overlap : dict of pandas.DataFrame
        Rows and columns: genes taken from the end of the first and of the second list.
    null_log10_p : dict of pandas.DataFrame
        Mean map of the relabelings; empty without them.
    minima : numpy.ndarray of float, shape (n_relabelings,)
        Smallest log10 p of each relabeling in the direction that p is of, the true labeling first.
    """

    log10_p: dict[str, pd.DataFrame]
    overlap: dict[str, pd.DataFrame]
    null_log10_p: dict[str, pd.DataFrame] = field(default_factory=dict)
    minima: np.ndarray = field(default_factory=lambda: np.empty(0))


def pack(cells: RrhoCells) -> bytes:
    """Return the maps as a compressed ``npz``: single precision, three digits more than a figure shows."""
    arrays: dict[str, np.ndarray] = {"minima": cells.minima.astype(np.float64)}
    for name in MAPS:
        for quadrant, frame in getattr(cells, name).items():
            key = f"{name}.{quadrant}"
            arrays[key] = frame.to_numpy().astype(np.int32 if name == "overlap" else np.float32)
            arrays[f"{key}.n_x"], arrays[f"{key}.n_y"] = (
                np.asarray(axis, dtype=np.int32) for axis in (frame.index, frame.columns)
            )
    written = io.BytesIO()
    np.savez_compressed(written, **arrays)  # type: ignore[arg-type]
    return written.getvalue()


def unpack(packed: bytes) -> RrhoCells:
    """Return the maps that were packed."""
    maps: dict[str, dict[str, pd.DataFrame]] = {name: {} for name in MAPS}
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        for key in arrays.files:
            name, _, quadrant = key.partition(".")
            if name in MAPS and "." not in quadrant:
                maps[name][quadrant] = pd.DataFrame(
                    arrays[key],
                    index=pd.Index(arrays[f"{key}.n_x"], name="n_x"),
                    columns=pd.Index(arrays[f"{key}.n_y"], name="n_y"),
                )
        return RrhoCells(**maps, minima=arrays["minima"])


def digest(packed: bytes) -> str:
    """Return the SHA-256 of packed maps."""
    return hashlib.sha256(packed).hexdigest()


def tidy(maps: dict[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Return maps as one row a cell: ``quadrant``, ``n_x``, ``n_y``, and the value by `name`; cells without one left out."""
    rows = [_one_row_a_cell(frame, name).assign(quadrant=quadrant) for quadrant, frame in maps.items() if frame.size]
    columns = ["quadrant", "n_x", "n_y", name]
    return pd.concat(rows)[columns].reset_index(drop=True) if rows else pd.DataFrame(columns=columns)


def _one_row_a_cell(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    cells = pd.Series(frame.stack(), name=name)
    return cells.reset_index()
