"""Print the genes of an exported contrast with the smallest p-values.

Usage: most_changed.py GENE_RESULTS.csv [N]
"""

import sys
from collections.abc import Sequence

import pandas as pd

FDR = 0.05


def main(arguments: Sequence[str]) -> int:
    """Print how many genes pass, and the first of them."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("Usage: most_changed.py GENE_RESULTS.csv [N]\n")
        return 2
    results = pd.read_csv(arguments[0]).sort_values(["p_value", "gene"])
    n_passing = int((results["adj_p_value"] < FDR).sum())
    sys.stdout.write(f"{n_passing} of {len(results):,} genes below FDR {FDR}\n")
    for row in results.head(int(arguments[1]) if len(arguments) == 2 else 5).itertuples():
        sys.stdout.write(f"{row.gene}  log2 fold change {row.log2_fold_change:.3f}  p {row.p_value:.3g}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
