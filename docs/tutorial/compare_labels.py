"""Set labdb's phenotypes beside the labels that the authors of DeepOF_SIT published.

Usage: compare_labels.py PUBLIC_FOLDER PHENOTYPE_CALLS.csv
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

# One heading, spelled in two ways.
LABEL_COLUMNS = {"Male": "Time_SIR_Classification", "Female": "Time SIR_Classification"}


def published_labels(folder: Path) -> pd.DataFrame:
    """Return label and ratio by animal, as printed in the two files."""
    tables = []
    for name, column in LABEL_COLUMNS.items():
        table = pd.read_csv(folder / f"{name}_data_summary.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig")
        tables.append(table.set_index("Animal_ID").rename(columns={column: "label"})[["label", "Time_SIR_typeA"]])
    return pd.concat(tables)


def main(arguments: Sequence[str]) -> int:
    """Print how many labels agree, and every one that does not."""
    if len(arguments) != 2:
        sys.stderr.write("Usage: compare_labels.py PUBLIC_FOLDER PHENOTYPE_CALLS.csv\n")
        return 2
    published = published_labels(Path(arguments[0]))
    calls = pd.read_csv(arguments[1], dtype=str, keep_default_na=False).set_index("mouse")
    both = published.join(calls, how="inner")
    differs = both[both["label"].str.lower() != both["phenotype"]]
    sys.stdout.write(f"{len(both) - len(differs)} of {len(published)} labels agree.\n")
    for mouse, row in differs.iterrows():
        sys.stdout.write(
            f"{mouse}: published {row['label']} with ratio {row['Time_SIR_typeA']}; "
            f"labdb {row['phenotype']}, {row['reason'] or row['si_ratio']}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
