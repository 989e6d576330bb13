"""Published labels of 67 mice (madmaxpython/DeepOF_SIT) against ours, by the rule they state: ratio < 1."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.phenotype import classify_phenotype

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "deepof_sit"
LABEL_COLUMNS = {
    "Male": "Time_SIR_Classification",
    "Female": "Time SIR_Classification",
}  # spelled so upstream

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/deepof_sit is not there")


def published(sex: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{sex}_data_summary.csv", encoding="utf-8-sig", dtype={"Animal_ID": str})


@pytest.fixture(scope="module")
def labels() -> pd.DataFrame:
    """Label all mice, ours beside theirs."""
    files = [(published(sex), column) for sex, column in LABEL_COLUMNS.items()]
    theirs = pd.concat([file.set_index("Animal_ID")[column].rename("theirs") for file, column in files])
    times = pd.concat([file.set_index("Animal_ID") for file, _ in files])
    tests = pd.DataFrame(
        {
            "group": times["CSDS"].map({"Control": "control", "Stress": "defeated"}),
            "iz_absent_s": times["Time_in_SIZ_Session1"],
            "iz_present_s": times["Time_in_SIZ_Session2"],
        }
    )
    return classify_phenotype(tests).assign(
        theirs=theirs.str.lower(), their_ratio=times["Time_SIR_typeA"], iz_absent_s=tests["iz_absent_s"]
    )


def test_every_mouse_is_there(labels):
    # SOURCE: 39 males (20 control, 5 resilient, 14 susceptible), 28 females (8 / 7 / 13)
    assert len(labels) == 67
    assert labels["theirs"].value_counts().to_dict() == {"control": 28, "susceptible": 27, "resilient": 12}


def test_every_mouse_with_a_defined_ratio_gets_the_published_label(labels):
    defined = labels[labels["iz_absent_s"] > 0]
    assert len(defined) == 66
    assert defined["phenotype"].tolist() == defined["theirs"].tolist()
    # Times and ratios are printed to three digits: half a unit of each, carried into the ratio.
    rounding = 5e-4 * (1 + defined["si_ratio"] / defined["iz_absent_s"] + 1 / defined["iz_absent_s"])
    assert ((defined["si_ratio"] - defined["their_ratio"]).abs() <= rounding).all()


def test_the_only_mouse_that_disagrees_never_entered_the_zone_without_target(labels):
    """10.3 has 0 s in session 1; upstream wrote a ratio of 1.000 for 99.933 / 0 and called it resilient."""
    differ = labels[labels["phenotype"] != labels["theirs"]]
    assert differ.index.tolist() == ["10.3_Stress"]
    mouse = differ.iloc[0]
    assert (mouse["their_ratio"], mouse["theirs"]) == (1.0, "resilient")
    assert mouse["phenotype"] == "unclassified"
    assert np.isnan(mouse["si_ratio"])
    assert mouse["reason"] == "0 s in the interaction zone without target: the ratio is undefined"
