"""Rewrite the public files of IntegrativeProjectWT2015 (GSE100225) as tables that labdb imports.

Usage: prepare_integrative.py PUBLIC_FOLDER OUTPUT_FOLDER

The public files spell one mouse three ways: 15-143A (order sheet), 15143A (behavior), 143A-CA3-1 (RNA sample). They are
joined through the project's own translation table, 00_rossettastone.csv, and through nothing else: what does not
translate is refused or listed, never guessed. What the files do not say (sex, dates, RNA quality) stays empty.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

STRAIN = "C57BL/6"  # as 00_metadata.csv has it, without a substrain
TRANSLATION_COLUMNS = ["order_sheet", "behavior", "region", "rna_sample", "fastq"]  # the file has no header
TRIAL_S = 600  # TotalPath / Speed is 600 s to the digits given: 22.68 m / 3.78 cm/s

# Column of 00_behaviordata.csv: metric, unit, greatest possible value.
METRICS = {
    "TotalPath": ("avoidance_path", "m", None),
    "Speed": ("avoidance_speed", "cm/s", None),
    "NumEntrances": ("avoidance_entrances", "", None),
    "Time1stEntr": ("avoidance_first_entrance", "s", TRIAL_S),
    "MaxTimeAvoid": ("avoidance_longest", "s", TRIAL_S),
    "TimeShockZone": ("avoidance_shock_zone", "s", TRIAL_S),
    "NumShock": ("avoidance_shocks", "", None),
}
ASSAY = "active place avoidance"
TRAININGS = ("conflict", "standard")


class MismatchError(Exception):
    """Two of the public files say different things; the text lists every place."""


def read_public(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the five files that are used, every cell as it is written."""
    names = {
        "behavior": "00_behaviordata.csv",
        "samples": "00_colData.csv",
        "orders": "IntegrativeWT2015ColData.csv",
        "counts": "00_countData.csv",
    }
    tables = {key: pd.read_csv(folder / name, dtype=str, keep_default_na=False) for key, name in names.items()}
    tables["translation"] = pd.read_csv(
        folder / "00_rossettastone.csv", dtype=str, keep_default_na=False, header=None, names=TRANSLATION_COLUMNS
    )
    return tables


def translate(tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """Return one row for each RNA sample that was counted, and a line for each that was not.

    Raises
    ------
    MismatchError
        A sample that does not translate, translates twice, or of which two files say different things.
    """
    translation = tables["translation"]
    counted = list(tables["counts"].columns[1:])
    samples = tables["samples"].set_index("RNAseqID")
    orders = tables["orders"].set_index("RNAseqID")
    used = translation[translation["rna_sample"].isin(counted)].set_index("rna_sample")
    wrong = [f"{sample} stands twice in the translation" for sample in used.index[used.index.duplicated()]]
    for sample in counted:
        if sample not in used.index or sample not in samples.index or sample not in orders.index:
            wrong.append(f"{sample} has counts but is not in every table of samples")
    if wrong:
        raise MismatchError("\n".join(wrong))
    used = used.loc[counted]
    pairs = (
        ("behavior", samples["ID"], "mouse of 00_colData.csv"),
        ("region", samples["subfield"], "subfield of 00_colData.csv"),
        ("order_sheet", orders["Mouse"], "mouse of IntegrativeWT2015ColData.csv"),
        ("region", orders["Region"], "region of IntegrativeWT2015ColData.csv"),
    )
    for column, other, what in pairs:
        differs = used.index[used[column] != other.loc[used.index]]
        wrong += [
            f"{sample}: the translation says {used.at[sample, column]}, {what} is {other[sample]}" for sample in differs
        ]
    unknown = used.index[~used["behavior"].isin(tables["behavior"]["ID"])]
    wrong += [f"{sample}: mouse {used.at[sample, 'behavior']} has no behavior" for sample in unknown]
    if wrong:
        raise MismatchError("\n".join(wrong))
    used["job"] = orders["jobnumber"].loc[counted]
    used["library"] = used["behavior"] + "-" + used["region"]
    left_out = translation[~translation["rna_sample"].isin(counted)]
    return used, [f"{row.rna_sample} (mouse {row.behavior}, {row.region})" for row in left_out.itertuples()]


def behavior_tables(behavior: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return strain, mice, metrics and results."""
    mice = behavior[["ID", "treatment"]].drop_duplicates()
    if mice["ID"].duplicated().any():
        raise MismatchError(f"{', '.join(mice['ID'][mice['ID'].duplicated()])} has two treatments")
    rows = [(f"{name}", unit, maximum) for name, unit, maximum in METRICS.values()]
    metrics = pd.DataFrame(rows, columns=["name", "unit", "maximum"]).assign(assay=ASSAY, minimum=0)
    results = behavior.melt(["ID", "trial"], list(METRICS), "column", "value")
    results["metric"] = results["column"].map({column: name for column, (name, _, _) in METRICS.items()})
    return {
        "strains": pd.DataFrame({"name": [STRAIN], "notes": "Substrain not stated in the public files."}),
        "mice": pd.DataFrame({"code": mice["ID"], "group": mice["treatment"], "strain": STRAIN}),
        "assays": pd.DataFrame(
            {"name": [ASSAY], "description": f"Rotating arena with a shock zone; {TRIAL_S} s a trial."}
        ),
        "assay-metrics": metrics,
        "assay-results": results.rename(columns={"ID": "mouse", "trial": "session"})[
            ["mouse", "metric", "session", "value"]
        ],
    }


def sample_tables(used: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return tissue samples, extractions, libraries, their sequencing job and the names of the count file's columns."""
    code = used["library"]
    return {
        "tissue-samples": pd.DataFrame(
            {
                "code": code,
                "mouse": used["behavior"],
                "region": used["region"],
                "notes": "On the order sheet: " + used["order_sheet"],
            }
        ),
        "rna-extractions": pd.DataFrame({"code": code, "samples": code}),
        "sequencing-runs": pd.DataFrame(
            {"code": sorted(set(used["job"])), "notes": "Job number of the sequencing core."}
        ),
        "libraries": pd.DataFrame(
            {
                "code": code,
                "extractions": code,
                "runs": used["job"],
                "library_layout": "PAIRED",
                "notes": "Reads: " + used["fastq"],
            }
        ),
        "sample-map": pd.DataFrame({"name": used.index, "library": code}),
    }


def contrasts() -> pd.DataFrame:
    """Return trained minus yoked of either training, in each region; the groups are compared as they are."""
    rows = [(f"{training}-trained-vs-yoked", f"{training}.trained", f"{training}.yoked") for training in TRAININGS]
    table = pd.DataFrame(rows, columns=["name", "numerator", "denominator"])
    return table.assign(group_by="mouse__group", covariates="")


def main(arguments: Sequence[str]) -> int:
    """Write the tables and say what was done; 1 when the files contradict each other."""
    if len(arguments) != 2:
        sys.stderr.write("Usage: prepare_integrative.py PUBLIC_FOLDER OUTPUT_FOLDER\n")
        return 2
    tables = read_public(Path(arguments[0]))
    try:
        used, left_out = translate(tables)
        written = {**behavior_tables(tables["behavior"]), **sample_tables(used), "contrasts": contrasts()}
    except MismatchError as error:
        sys.stderr.write(f"The public files do not agree; nothing was written.\n{error}\n")
        return 1
    output = Path(arguments[1])
    output.mkdir(parents=True, exist_ok=True)
    for name, table in written.items():
        table.to_csv(output / f"{name}.csv", index=False)
        sys.stdout.write(f"{name}.csv: {len(table):,} {'row' if len(table) == 1 else 'rows'}\n")
    sys.stdout.write(f"{len(used)} RNA samples of {used['behavior'].nunique()} mice translated.\n")
    sys.stdout.write(f"Not in the count file, left out: {'; '.join(left_out)}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
