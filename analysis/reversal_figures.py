"""The figures of reversal and of the scores of mice: from a run's results to a chart and the sentence below it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis import figures, frames, reversal_frames, signature_pairs
from analysis.figure_choices import contrasts_of
from analysis.figure_types import Asked, Drawn, Figure, FigureError
from analysis.models import AnalysisRun, Contrast, MouseReversalScore
from analysis.tasks.shared_mice import null_of_pair
from labdb.registry.permissions import may
from labdb.tissue.models import BrainRegion

MICE_NOT_SHOWN = "the study is blinded: scores of single mice are shown to its allocators"
WHOLE_ARM = "arm"  # the estimand that is primary


def draw_reversal_forest(asked: Asked) -> Drawn:
    """Fraction undone of whole arms by region, p with its floor, cosine with its null."""
    rows = frames.reversal_frame(asked.run)
    caption = (
        "Fraction of the stress signature that the drug undoes, with its 95 % interval: whole randomized arms against all "
        "susceptible mice with vehicle. n: control / susceptible with vehicle / treated mice. A cosine says nothing "
        "without what is expected where nothing is reversed. A point leads to its test, and to its mice."
    )
    return Drawn(figures.reversal_forest(rows[rows["estimand"] == WHOLE_ARM]), caption)


def draw_responder_forest(asked: Asked) -> Drawn:
    """The same with every other comparison: responders with the arm relabeled, and outcomes matched."""
    rows = frames.reversal_frame(asked.run)
    caption = (
        "Every comparison by name. The whole arm is primary. Of responders, the arm is relabeled and the response rule "
        "applied anew each time, so that choosing them is part of the null. Matched by outcome: responders against mice "
        "with vehicle that responded too, non-responders likewise; a description without p-value."
    )
    return Drawn(figures.reversal_forest(rows), caption)


def draw_reversal_map(asked: Asked) -> Drawn:
    """Fraction undone as a map of regions and arms."""
    rows = frames.reversal_frame(asked.run)
    caption = "Whole randomized arms. Blue: undone; orange: deepened; p is one-sided and not yet adjusted. A cell leads to its test."
    return Drawn(figures.reversal_map(rows[rows["estimand"] == WHOLE_ARM]), caption)


def draw_relabelings(asked: Asked) -> Drawn:
    """What relabeling gives, and the observed value in it."""
    rows = reversal_frames.relabeled_frame(asked.run)
    for column in ("region", "arm", "estimand", "response"):
        rows = _only(rows, column, asked.parameters.get(column, ""))
    if not any(asked.parameters.get(name) for name in ("region", "arm", "estimand")):
        rows = rows[rows["estimand"] == WHOLE_ARM]
    caption = (
        "Gray: the test statistic when the labels of susceptible and treated mice are exchanged within sequencing runs, as "
        "if the drug did nothing. Line: the true labels. p is the share of relabelings at most as large; its floor is one "
        "of all relabelings, however strong the drug."
    )
    named = tuple(part for part in (asked.parameters.get("region", ""), asked.parameters.get("arm", "")) if part)
    return Drawn(figures.relabeling_distribution(rows), caption, named)


def _only(rows: pd.DataFrame, column: str, asked: str) -> pd.DataFrame:
    """Return the rows of what an address names, or say what there is."""
    if not asked:
        return rows
    found = rows[rows[column] == asked]
    if found.empty and len(rows):
        known = ", ".join(dict.fromkeys(str(value) for value in rows[column] if value))
        raise FigureError(f"{asked} is not a {column} of this run with relabelings; there are: {known}.")
    return found


def draw_signatures(asked: Asked) -> Drawn:
    """Stress against drug, gene by gene, with what shared mice make alone."""
    pair = _named_pair(asked) or signature_pairs.stress_and_drug(asked.run, asked.parameters.get("arm", ""))
    if pair is None:
        return Drawn(
            figures.no_data("a contrast of stress and one of a drug against the same susceptible mice are needed"), ""
        )
    return _draw_pair(asked, pair)


def draw_drugs(asked: Asked) -> Drawn:
    """One drug against the other, gene by gene, with what the susceptible mice that they share make alone."""
    pairs = signature_pairs.drug_and_drug(asked.run)
    pair = _named_pair(asked) or (pairs[0] if pairs else None)
    if pair is None:
        return Drawn(figures.no_data("contrasts of two drugs against the same susceptible mice are needed"), "")
    return _draw_pair(asked, pair)


def _named_pair(asked: Asked) -> signature_pairs.Pair | None:
    """Return the contrasts that an address names."""
    names = asked.parameters.get("x", ""), asked.parameters.get("y", "")
    if not any(names):
        return None
    known = {contrast.name: contrast for contrast in contrasts_of(asked.run)}
    for name in names:
        if name not in known:
            raise FigureError(
                f"{name or 'Nothing'} is not a contrast of this run; there are: {', '.join(known)}. Name x and y."
            )
    return known[names[0]], known[names[1]]


def _draw_pair(asked: Asked, pair: signature_pairs.Pair) -> Drawn:
    region = _region_of(asked, pair)
    genes = signature_pairs.pair_frame(asked.run, pair, region)
    null = null_of_pair(asked.run, pair, region.code).correlation
    x, y = pair
    chart = figures.signature_scatter(
        genes, x_name=x.name, y_name=y.name, null_correlation=null, p_cutoff=signature_pairs.P_CUTOFF
    )
    caption = (
        f"{region.code}: {x.name} against {y.name}; n = {len(genes):,} genes. Dashed: 95 % of genes lie inside where "
        f"neither has any effect, tilted by the mice that both share. {signature_pairs.words_on_pair(genes, null)} Genes "
        "move together and can stretch the cloud further: a p-value comes from relabeling mice, never from this picture."
    )
    return Drawn(chart, caption, (x.name, y.name, region.code), title=signature_pairs.title_of(pair, region))


def _region_of(asked: Asked, pair: tuple[Contrast, Contrast]) -> BrainRegion:
    """Return the region that an address names, by default the first in which both contrasts were answered."""
    results = [asked.run.generesults.filter(contrast=contrast) for contrast in pair]
    regions = BrainRegion.objects.filter(tissue_samples__study_id=asked.run.study_id).distinct().order_by("pk")
    known = {one.code: one for one in regions if all(rows.filter(region=one).exists() for rows in results)}
    code = asked.parameters.get("region", "") or next(iter(known), "")
    if code not in known:
        there = f"there are: {', '.join(known)}" if known else "there is none"
        raise FigureError(f"{code or 'Nothing'} is not a region where both contrasts were answered; {there}.")
    return known[code]


def chosen_arm(run: AnalysisRun, parameters: Mapping[str, str]) -> str:
    """Return the arm that an address names, by default the first."""
    arms = list(run.mousereversalscores.order_by("arm").values_list("arm", flat=True).distinct())
    asked = parameters.get("arm", "")
    if not arms:
        raise FigureError("This run scored no mouse.", 404)
    if asked and asked not in arms:
        raise FigureError(f"{asked} is not an arm of this run; there are: {', '.join(arms)}.")
    return asked or arms[0]


def shows_mice(run: AnalysisRun, user: Any) -> bool:
    """Whether an account may see the scores of single mice: they say which of them have one letter."""
    return may(user, "view", MouseReversalScore, run.study)


def draw_mouse_scores(asked: Asked) -> Drawn:
    """Every mouse between control and susceptible, by region."""
    arm = chosen_arm(asked.run, asked.parameters)
    if not shows_mice(asked.run, asked.user):
        return Drawn(figures.no_data(MICE_NOT_SHOWN), "", (arm,))
    scores = frames.score_frame(asked.run, arm)
    if region := asked.parameters.get("region", ""):
        scores = scores[scores["region"] == region]
    caption = (
        f"Comparison of {arm} with control and susceptible mice; n = {scores['mouse'].nunique()} mice. 0 is the mean "
        "of controls and 1 that of susceptible mice, by construction; only treated mice are free to move."
    )
    return Drawn(figures.mouse_scores(scores), caption, (arm,))


def draw_score_vs_si(asked: Asked) -> Drawn:
    """Scores of an arm's mice and of those with vehicle against their SI ratio before and after treatment."""
    if not shows_mice(asked.run, asked.user):
        return Drawn(figures.no_data(MICE_NOT_SHOWN), "")
    arm = chosen_arm(asked.run, asked.parameters)
    scores = reversal_frames.score_and_si_frame(asked.run, arm)
    if region := asked.parameters.get("region", ""):
        scores = scores[scores["region"] == region]
    caption = (
        f"n = {scores['mouse'].nunique()} randomized susceptible mice: {arm}, and vehicle. An association, not an effect: "
        "where mice with vehicle have it too, choosing responders by the re-test chooses tissue that looks reversed "
        "without any drug. Controls anchor the axis and are left out. A point leads to its SI test and the seconds."
    )
    return Drawn(figures.score_vs_si(scores), caption, (arm,))


def draw_plane(asked: Asked) -> Drawn:
    """Every treated mouse between control, susceptible and resilient."""
    region = asked.parameters.get("region", "")
    mice, groups = reversal_frames.plane_frames(asked.run, asked.user, region)
    said = "; ".join(dict.fromkeys(text.replace("\n", " ") for text in groups["messages"] if text))
    hidden = "" if shows_mice(asked.run, asked.user) else f" {MICE_NOT_SHOWN.capitalize()}."
    caption = (
        f"n = {mice['mouse'].nunique()} treated mice drawn. By construction the mean of controls lies at (0, 0), of susceptible mice "
        "with vehicle at (1, 0), of resilient mice at (0, 1). Small: a mouse with its standard error. Large: a group's mean "
        f"with its 95 % interval; leftward is reversal, upward is induced resilience.{hidden} {said}"
    )
    return Drawn(figures.phenotype_plane(mice, groups), caption.strip(), (region,) if region else ())


OF_REVERSAL = (
    Figure(
        "reversal-forest", "Fraction of the stress signature undone", "reversal", draw_reversal_forest, is_wide=True
    ),
    Figure("reversal-map", "Where which drug undoes how much", "reversal", draw_reversal_map),
    Figure("relabelings", "What relabeled mice give", "reversal", draw_relabelings, is_wide=True),
    Figure(
        "responder-forest", "Whole arms, responders, matched outcomes", "reversal", draw_responder_forest, is_wide=True
    ),
)
OF_SCORES = (
    Figure("mouse-scores", "Scores of mice", "mouse_scores", draw_mouse_scores),
    Figure("score-vs-si", "Score and social interaction, before and after", "mouse_scores", draw_score_vs_si),
)
OF_CONTRASTS = (
    Figure("signatures", "Stress against drug, gene by gene", "differential_expression", draw_signatures),
    Figure("drugs", "One drug against the other, gene by gene", "differential_expression", draw_drugs),
)
PLANE = Figure(
    "plane", "Control, susceptible, resilient: where treated mice lie", "resilience", draw_plane, is_wide=True
)
FIGURES = (*OF_CONTRASTS, *OF_REVERSAL, *OF_SCORES, PLANE)
