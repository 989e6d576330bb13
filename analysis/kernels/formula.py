"""Model formulas, small and additive: terms joined by +, interactions as a:b, ``0 +`` for no intercept.

Columns of a design are made and coded as by R's ``model.matrix``; their names say what they hold:
``Intercept``, ``library__rin`` (a number), ``mouse__sex[M]``, ``mouse__sex[M]:mouse__group[defeated]``.
No kept library is among the dependencies, and these few rules are all that a contrast needs.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

INTERCEPT = "Intercept"
EXAMPLE = "~ 0 + mouse__group + library__pool"
FIELD = re.compile(r"[A-Za-z]\w*\Z")
COEFFICIENT = r"[A-Za-z]\w*(?:\[[^\]]*\])?"
PART = re.compile(
    rf"\s*(?P<sign>[+-])?\s*(?:(?P<multiple>\d+(?:\.\d+)?(?:/\d+)?)\s*\*\s*)?"
    rf"(?P<name>{COEFFICIENT}(?::{COEFFICIENT})*)\s*"
)


@dataclass(frozen=True)
class Formula:
    """What a formula says.

    Attributes
    ----------
    terms : tuple of tuple of str
        The fields of each term, in the order written; several make an interaction.
    has_intercept : bool
    """

    terms: tuple[tuple[str, ...], ...]
    has_intercept: bool

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field once."""
        return tuple(dict.fromkeys(field for term in self.terms for field in term))


def parse_formula(text: str) -> Formula:
    """Read a formula.

    Raises
    ------
    ValueError
        Something is not understood; says what, at which character, and what to write.
    """
    tilde = text.find("~")
    if text[: max(tilde, 0)].strip() or tilde < 0:
        raise ValueError(f"a formula begins with ~, such as {EXAMPLE}; got {text.strip() or 'nothing'}.")
    terms: list[tuple[str, ...]] = []
    has_intercept = True
    at = tilde + 1
    for number, part in enumerate(text[at:].split("+")):
        word, place = part.strip(), at + len(part) - len(part.lstrip()) + 1
        at += len(part) + 1
        if word in ("0", "1") and number == 0:
            has_intercept = word == "1"
            continue
        terms.append(_term(word, place))
    if not terms and not has_intercept:
        raise ValueError(f"the formula has no term; write {EXAMPLE}.")
    seen: set[frozenset[str]] = set()
    for term in terms:
        if frozenset(term) in seen:
            raise ValueError(f"{':'.join(term)} comes twice; write it once.")
        seen.add(frozenset(term))
    return Formula(tuple(terms), has_intercept)


def _term(word: str, place: int) -> tuple[str, ...]:
    if not word:
        raise ValueError(f"character {place}: a term is missing beside a +; write {EXAMPLE}.")
    fields = tuple(field.strip() for field in word.split(":"))
    for field in fields:
        if FIELD.match(field):
            continue
        remedy = {
            "*": "write a + b + a:b for a * b",
            "-": "write 0 + first for no intercept, and leave out what should not be there",
            "0": "0 stands first: ~ 0 + ...",
            "1": "1 stands first: ~ 1 + ...",
        }
        what = next((sign for sign in remedy if sign == field or (sign in "*-" and sign in field)), "")
        tail = remedy.get(what, "a term is a field, such as mouse__sex, or several joined by a colon")
        raise ValueError(f"character {place}: {word} is not understood; {tail}.")
    if len(set(fields)) < len(fields):
        raise ValueError(f"character {place}: {word} names a field twice; an interaction is of different fields.")
    return fields


def model_matrix(formula: Formula, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the design of a formula, its categories coded against the first in alphabetical order.

    As in R, a category gets a column for each of its values where what it stands beside leaves room for
    it (``~ 0 + a``), else one for each but the first.

    Parameters
    ----------
    formula : Formula
    frame : pandas.DataFrame, shape (n_samples, >= n_fields)
        Every field; numbers count as numbers, all else as categories.

    Returns
    -------
    pandas.DataFrame, shape (n_samples, n_coefficients)
        It need not be of full rank.

    Raises
    ------
    ValueError
        A value is missing.
    """
    for field in formula.fields:
        unknown = frame.index[frame[field].isna()]
        if len(unknown):
            raise ValueError(
                f"{field} is missing for {', '.join(map(str, unknown[:8]))}; enter it, or take it out of the formula."
            )
    numbers = {field for field in formula.fields if _is_number(frame[field])}
    spanned: dict[frozenset[str], set[frozenset[str]]] = {
        frozenset(): {frozenset()} if formula.has_intercept else set()
    }
    columns: dict[str, FloatArray] = {INTERCEPT: np.ones(len(frame))} if formula.has_intercept else {}
    for term in formula.terms:
        factors = frozenset(field for field in term if field not in numbers)
        known = spanned.setdefault(frozenset(term) - factors, set())
        parts = []
        for field in term:
            if field in numbers:
                parts.append({field: frame[field].to_numpy(dtype=float)})
            else:
                parts.append(_dummies(field, frame[field], drop_first=factors - {field} in known))
        for names in product(*parts):
            column = np.prod([part[name] for part, name in zip(parts, names, strict=True)], axis=0)
            columns[":".join(names)] = column
        known |= {frozenset(subset) for size in range(len(factors) + 1) for subset in combinations(factors, size)}
    return pd.DataFrame(columns, index=frame.index)


def _is_number(values: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values)) and not pd.api.types.is_bool_dtype(values)


def _dummies(field: str, values: pd.Series, *, drop_first: bool) -> dict[str, FloatArray]:
    written = values.astype(str)
    levels = sorted(set(written))[1 if drop_first else 0 :]
    return {f"{field}[{level}]": (written == level).to_numpy().astype(np.float64) for level in levels}


def parse_combination(text: str) -> dict[str, float]:
    """Read a linear combination of coefficients: ``a - b``, ``0.5 * a + 0.5 * b - c``, ``1/3 * a``.

    A sign within square brackets belongs to the value: ``mouse__outcome[non-responder]``.

    Raises
    ------
    ValueError
        Something is not understood; says what, at which character, and what to write.
    """
    weights: dict[str, float] = {}
    for place, sign, multiple, name in _parts(text):
        over, _, under = multiple.partition("/")
        if under and float(under) == 0:
            raise ValueError(f"character {place}: {multiple} divides by 0; write another number.")
        weight = (float(over) / float(under or 1) if multiple else 1.0) * (-1 if sign == "-" else 1)
        weights[name] = weights.get(name, 0.0) + weight
    return {name: weight for name, weight in weights.items() if weight}


def _parts(text: str) -> Iterator[tuple[int, str, str, str]]:
    at = 0
    while at < len(text.rstrip()):
        found = PART.match(text, at)
        if found is None or (at and not found["sign"]):
            raise ValueError(
                f"character {at + 1}: {text[at:].strip()[:40]} is not understood; write coefficients joined by + or -, "
                "such as mouse__group[defeated] - mouse__group[control], with a number before a * where needed."
            )
        yield at + 1, found["sign"] or "+", found["multiple"] or "", found["name"]
        at = found.end()


def weights_of(combination: Mapping[str, float], coefficients: pd.Index) -> pd.Series:
    """Return a combination as one number for each coefficient of a design.

    Raises
    ------
    ValueError
        It names a coefficient that the design does not have; says which there are.
    """
    unknown = [name for name in combination if name not in coefficients]
    if unknown:
        raise ValueError(f"the design has no coefficient {', '.join(unknown)}; it has: {', '.join(coefficients)}.")
    return pd.Series(dict(combination), dtype=float).reindex(coefficients, fill_value=0.0)
