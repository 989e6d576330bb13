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
    for row in si_tests[si_tests["iz_absent_s"] == 0].to_dict("records"):
        mouse, test_number, present_s = row["mouse"], int(row["test_number"]), row["iz_present_s"]
        yield Finding(
            "no_time_without_target", ERROR, f"{mouse} test {test_number}",
            f"SI test {test_number} of {mouse} has 0 s in the zone without target ({present_s:g} s with it), so there is no "
            "ratio: look at the video, correct the time, or leave the test out.",
            f"0 s without target, {present_s:g} s with", 0.0, None, mouse=mouse, test_number=test_number,
        )  # fmt: skip


def _mass_jumps(weighings: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    before = weighings.groupby("mouse")["body_mass_g"].shift()
    compared = weighings.assign(before_g=before, change=weighings["body_mass_g"] / before - 1)
    for row in compared[compared["change"].abs() > limits.max_mass_change_share].to_dict("records"):
        mouse, day, before_g, mass_g = row["mouse"], row["day"], row["before_g"], row["body_mass_g"]
        yield Finding(
            "mass_jump", WARNING, f"{mouse} {day}",
            f"{mouse} weighed {before_g:g} g and then, on {day}, {mass_g:g} g ({100 * row['change']:+.0f} %): one of the two "
            "is a slip of the pen.",
            f"{before_g:g} g, then {mass_g:g} g", row["change"], limits.max_mass_change_share, mouse=mouse,
        )  # fmt: skip


def _low_rin(extractions: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    low = extractions[extractions["rin"] < limits.min_rin].sort_values(["rin", "extraction"])
    for row in low.to_dict("records"):
        rin = row["rin"]
        yield Finding(
            "low_rin", NOTE, row["extraction"],
            f"{row['extraction']} has RIN {rin:g}, below {limits.min_rin:g}: counts of long and of unstable genes may be lower.",
            f"RIN {rin:g}", rin, limits.min_rin, mouse=row["mouse"], sample=row["sample"],
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
