"""Spell the groups of the DeepOF_SIT files as labdb does, and add the sex that only their names state.

Usage: prepare_deepof.py PUBLIC_FOLDER OUTPUT_FOLDER

CSDS "Control" becomes "control" and "Stress" becomes "defeated": those words decide which mice are classified. Every
other column is written as it is; `import_records --map` says what each of them is.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

GROUPS = {"Control": "control", "Stress": "defeated"}
SEXES = {"Male": "M", "Female": "F"}


def prepare(published: pd.DataFrame, sex: str) -> pd.DataFrame:
    """Return the table with labdb's words.

    Raises
    ------
    ValueError
        A group that has no translation here.
    """
    unknown = sorted(set(published["CSDS"]) - set(GROUPS))
    if unknown:
        raise ValueError(f"CSDS holds {', '.join(unknown)}, where {' or '.join(GROUPS)} was expected")
    return published.assign(CSDS=published["CSDS"].map(GROUPS), sex=sex)


def main(arguments: Sequence[str]) -> int:
    """Write both tables and say how many mice of each group there are."""
    if len(arguments) != 2:
        sys.stderr.write("Usage: prepare_deepof.py PUBLIC_FOLDER OUTPUT_FOLDER\n")
        return 2
    folder, output = map(Path, arguments)
    output.mkdir(parents=True, exist_ok=True)
    for name, sex in SEXES.items():
        # utf-8-sig: one of the two begins with a byte order mark
        published = pd.read_csv(
            folder / f"{name}_data_summary.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
        table = prepare(published, sex)
        table.to_csv(output / f"{name.lower()}.csv", index=False)
        groups = table["CSDS"].value_counts()
        sys.stdout.write(f"{name.lower()}.csv: {', '.join(f'{n} {group}' for group, n in sorted(groups.items()))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
