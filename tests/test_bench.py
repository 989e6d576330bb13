"""`python -m bench` finds every benchmark, says in one table what was reached, and fails where a target was missed."""

import importlib

import pytest

from bench import __main__ as bench

ROW = {"what": "one gene", "measured": 2.0, "unit": "ms", "reference": 4.0, "reference_what": "an array", "target": 10}


def test_every_benchmark_is_known_and_measures():
    assert {"expression_store", "reversal", "voom_limma"} <= set(bench.known())
    for name in bench.known():
        assert callable(importlib.import_module(f"bench.bench_{name}").measure)
    assert not set(bench.long_ones()) & set(bench.known())  # `make bench` ends in minutes
    for name in bench.long_ones():
        assert callable(importlib.import_module(bench.module_of(name)).measure)


def test_the_table_gives_ratio_target_and_verdict():
    rows = [ROW, {**ROW, "what": "one sample", "measured": 12.345}, {**ROW, "reference": None, "target": None}]
    header, rule, *lines = bench.table(rows).splitlines()
    assert header.split() == ["what", "measured", "reference", "ratio", "target", "met?"]
    assert set(rule) == {"-", " "}
    assert [line.split() for line in lines] == [
        ["one", "gene", "2", "ms", "4", "ms", "(an", "array)", "0.5", "10", "ms", "yes"],
        ["one", "sample", "12.3", "ms", "4", "ms", "(an", "array)", "3.09", "10", "ms", "NO"],
        ["one", "gene", "2", "ms"],
    ]


@pytest.mark.parametrize(("measured", "failed", "code"), [(10.0, [], 0), (10.1, [], 1), (2.0, ["reversal"], 1)])
def test_a_missed_target_or_a_failure_ends_with_1(monkeypatch, capsys, measured, failed, code):
    monkeypatch.setattr(bench, "run", lambda names: ([{**ROW, "measured": measured}], failed))
    assert bench.main(["voom_limma"]) == code
    assert "one gene" in capsys.readouterr().out


def test_an_unknown_benchmark_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(["vooom"])
    assert "there is no benchmark vooom; there are: exports, expression_store" in capsys.readouterr().err


def test_a_benchmark_that_breaks_is_reported_and_the_others_still_count(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "HERE", tmp_path / "bench")
    (tmp_path / "bench").mkdir()
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "bench" / name).write_text(
            (bench.Path(bench.__file__).parent / name).read_text()
        )  # fmt: skip
    (tmp_path / "bench" / "bench_good.py").write_text(f"def measure():\n    return [{ROW!r}]\n")
    (tmp_path / "bench" / "bench_broken.py").write_text("def measure():\n    raise SystemExit(3)\n")
    rows, failed = bench.run(["broken", "good"])
    assert (rows, failed) == ([ROW], ["broken"])
