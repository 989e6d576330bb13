"""P-values adjusted for how many questions were asked."""

from collections.abc import Hashable, Sequence

from scipy.stats import false_discovery_control


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values by Benjamini and Hochberg over those that there are.

    Parameters
    ----------
    p_values : sequence of float or None
        None where a question has no answer: it is not among the family.

    Returns
    -------
    list of float or None
        In the same order.

    References
    ----------
    .. [1] Benjamini & Hochberg, J R Stat Soc B 57, 289-300 (1995).
    """
    known = [p_value for p_value in p_values if p_value is not None]
    adjusted = iter(false_discovery_control(known) if known else ())
    return [None if p_value is None else float(next(adjusted)) for p_value in p_values]


def benjamini_hochberg_within(families: Sequence[Hashable], p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values as `benjamini_hochberg`, each family by itself.

    Parameters
    ----------
    families : sequence, one for each p-value
        Which of them were asked together.
    """
    adjusted: list[float | None] = [None] * len(p_values)
    for family in dict.fromkeys(families):
        members = [at for at, one in enumerate(families) if one == family]
        for at, value in zip(members, benjamini_hochberg([p_values[at] for at in members]), strict=True):
            adjusted[at] = value
    return adjusted
