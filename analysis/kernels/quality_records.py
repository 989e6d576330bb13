"""What the records say of their own quality: an SI test without a ratio, poor RNA, a mass no mouse has, tubes left over."""

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.kernels.quality import QualityLimits
from analysis.kernels.quality_findings import ERROR, NOTE, WARNING, Finding

SHOWN = 8  # names of many that a sentence lists


def record_findings(
    si_tests: pd.DataFrame, extractions: pd.DataFrame, weighings: pd.DataFrame, limits: QualityLimits
) -> Iterator[Finding]:
    """Yield what single records show.

    Parameters
    ----------
    si_tests : pandas.DataFrame
        ``mouse`` (code), ``test_number``, ``iz_absent_s``, ``iz_present_s`` (s) of tests that analyses read.
    extractions : pandas.DataFrame
        ``extraction`` (code), ``sample`` (code, its first), ``mouse``, ``rin``.
    weighings : pandas.DataFrame
        ``mouse``, ``day``, ``body_mass_g``; in order of time.
    """
    yield from _no_ratio(si_tests)
    yield from _mass_jumps(weighings, limits)
    yield from _low_rin(extractions, limits)


def _no_ratio(si_tests: pd.DataFrame) -> Iterator[Finding]:
    for row in si_tests[si_tests["iz_absent_s"] == 0].itertuples():
        yield Finding(
            "no_time_without_target", ERROR, f"{row.mouse} test {row.test_number}",
            f"SI test {row.test_number} of {row.mouse} has 0 s in the zone without target ({row.iz_present_s:g} s with it), so "
            "there is no ratio: look at the video, correct the time, or leave the test out.",
            f"0 s without target, {row.iz_present_s:g} s with", 0.0, None, mouse=row.mouse, test_number=int(row.test_number),
        )  # fmt: skip


def _mass_jumps(weighings: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    before = weighings.groupby("mouse")["body_mass_g"].shift()
    change = weighings["body_mass_g"] / before - 1
    for place, row in weighings[change.abs() > limits.max_mass_change_share].iterrows():
        yield Finding(
            "mass_jump", WARNING, f"{row['mouse']} {row['day']}",
            f"{row['mouse']} weighed {before[place]:g} g and then, on {row['day']}, {row['body_mass_g']:g} g "
            f"({100 * change[place]:+.0f} %): one of the two is a slip of the pen.",
            f"{before[place]:g} g, then {row['body_mass_g']:g} g", float(change[place]), limits.max_mass_change_share,
            mouse=row["mouse"],
        )  # fmt: skip


def _low_rin(extractions: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    for row in extractions[extractions["rin"] < limits.min_rin].sort_values(["rin", "extraction"]).itertuples():
        yield Finding(
            "low_rin", NOTE, row.extraction,
            f"{row.extraction} has RIN {row.rin:g}, below {limits.min_rin:g}: counts of long and of unstable genes may be lower.",
            f"RIN {row.rin:g}", float(row.rin), limits.min_rin, mouse=row.mouse, sample=row.sample,
        )  # fmt: skip


def left_over(without_counts: Sequence[str], matrix: str, never_extracted: Sequence[str]) -> Iterator[Finding]:
    """Yield what was begun and did not come to an end.

    Parameters
    ----------
    without_counts : sequence of str
        Libraries that the matrix does not hold.
    matrix : str
        Its code.
    never_extracted : sequence of str
        Tissue samples without an extraction, in a study that has extractions.
    """
    for names, kind, subject, what in (
        (without_counts, "no_counts", matrix, f"no counts in {matrix}"),
        (never_extracted, "never_extracted", "tissue samples", "no extraction"),
    ):
        if names:
            thing = "library" if kind == "no_counts" else "tissue sample"
            plural = "libraries have" if kind == "no_counts" else "tissue samples have"
            said = f"1 {thing} has" if len(names) == 1 else f"{len(names)} {plural}"
            yield Finding(
                kind,
                NOTE,
                subject,
                f"{said} {what}: {_listed(names)}.",
                ", ".join(sorted(names)),
                float(len(names)),
                None,
            )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more
