"""The tutorial's scripts join public files by what these say, and stop where they contradict each other."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "docs" / "tutorial"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Two mice in the shape of IntegrativeProjectWT2015: one sample counted, one not."""
    folder = tmp_path / "public"
    folder.mkdir()
    metrics = ",".join(script("prepare_integrative").METRICS)
    files = {
        "00_behaviordata.csv": f"ID,treatment,trial,{metrics}\n"
        "15143A,conflict.trained,T1,1,2,3,4,5,6,7\n15143B,conflict.yoked,T1,8,9,10,11,12,13,14\n",
        "00_colData.csv": "RNAseqID,ID,subfield\n143A-DG-1,15143A,DG\n",
        "00_countData.csv": ",143A-DG-1\nFos,5\n",
        "IntegrativeWT2015ColData.csv": "RNAseqID,Mouse,Region,jobnumber\n143A-DG-1,15-143A,DG,JA1\n",
        "00_rossettastone.csv": "15-143A,15143A,DG,143A-DG-1,a.fastq.gz\n15-143B,15143B,DG,143B-DG-1,b.fastq.gz\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_three_spellings_become_one_and_what_was_not_counted_is_listed(public, tmp_path, capsys):
    assert script("prepare_integrative").main([str(public), str(tmp_path / "out")]) == 0
    tables = {file.stem: pd.read_csv(file, dtype=str, keep_default_na=False) for file in (tmp_path / "out").iterdir()}
    assert tables["sample-map"].to_dict("records") == [{"name": "143A-DG-1", "library": "15143A-DG"}]
    assert tables["libraries"][["code", "extractions", "runs"]].to_numpy().tolist() == [
        ["15143A-DG", "15143A-DG", "JA1"]
    ]
    assert tables["tissue-samples"][["mouse", "region", "notes"]].to_numpy().tolist() == [
        ["15143A", "DG", "On the order sheet: 15-143A"]
    ]
    assert tables["mice"]["group"].tolist() == ["conflict.trained", "conflict.yoked"]
    results = tables["assay-results"]
    assert len(results) == 14
    entrances = results[(results["mouse"] == "15143B") & (results["metric"] == "avoidance_entrances")]
    assert entrances["value"].tolist() == ["10"]
    assert "Not in the count file, left out: 143B-DG-1 (mouse 15143B, DG)." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("00_colData.csv", "15143A,DG", "15143B,DG", "143A-DG-1: the translation says 15143A, mouse of 00_colData.csv is 15143B"),
        ("00_colData.csv", "15143A,DG", "15143A,CA1", "143A-DG-1: the translation says DG, subfield of 00_colData.csv is CA1"),
        (
            "IntegrativeWT2015ColData.csv", "15-143A", "15-143C",
            "143A-DG-1: the translation says 15-143A, mouse of IntegrativeWT2015ColData.csv is 15-143C",
        ),
        ("00_countData.csv", "143A-DG-1", "143A-DG-9", "143A-DG-9 has counts but is not in every table of samples"),
        ("00_rossettastone.csv", "143B-DG-1", "143A-DG-1", "143A-DG-1 stands twice in the translation"),
        ("00_behaviordata.csv", "15143A,", "15143Z,", "143A-DG-1: mouse 15143A has no behavior"),
        ("00_behaviordata.csv", "15143B,", "15143A,", "15143A has two treatments"),
    ],
)  # fmt: skip
def test_files_that_contradict_each_other_are_named_and_nothing_is_written(
    public, tmp_path, capsys, file, old, new, sentence
):
    change(public / file, old, new)
    assert script("prepare_integrative").main([str(public), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"The public files do not agree; nothing was written.\n{sentence}\n"
    assert not (tmp_path / "out").exists()


def test_only_the_two_known_words_for_a_group_are_translated():
    prepare = script("prepare_deepof").prepare
    published = pd.DataFrame({"Animal_ID": ["1", "2"], "CSDS": ["Control", "Stress"], "Mass": ["27", "28.5"]})
    assert prepare(published, "F").to_dict("list") == {
        "Animal_ID": ["1", "2"], "CSDS": ["control", "defeated"], "Mass": ["27", "28.5"], "sex": ["F", "F"],
    }  # fmt: skip
    with pytest.raises(ValueError, match="CSDS holds Witness, where Control or Stress was expected"):
        prepare(published.assign(CSDS=["Control", "Witness"]), "F")
