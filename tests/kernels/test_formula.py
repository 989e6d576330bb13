"""Formulas are read as they are meant, coded as R's model.matrix does, and refused in words with their place."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.formula import model_matrix, parse_combination, parse_formula, weights_of

FRAME = pd.DataFrame(
    {
        "a": ["x", "x", "y", "y", "z", "z"], "b": ["p", "q", "p", "q", "p", "q"], "n": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "yes": [True, False, True, False, True, False],
    },
    index=list("ABCDEF"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "columns"),
    [  # by hand, from the rule of R's model.matrix: ?terms.formula, "factors"
        ("~ a", ["Intercept", "a[y]", "a[z]"]),
        ("~ 0 + a", ["a[x]", "a[y]", "a[z]"]),
        ("~ 0 + a + b", ["a[x]", "a[y]", "a[z]", "b[q]"]),
        ("~0+b+a", ["b[p]", "b[q]", "a[y]", "a[z]"]),
        ("~ 1 + n + a", ["Intercept", "n", "a[y]", "a[z]"]),
        ("~ 0 + n + a", ["n", "a[x]", "a[y]", "a[z]"]),
        ("~ a + b + a:b", ["Intercept", "a[y]", "a[z]", "b[q]", "a[y]:b[q]", "a[z]:b[q]"]),
        ("~ 0 + a + a:b", ["a[x]", "a[y]", "a[z]", "a[x]:b[q]", "a[y]:b[q]", "a[z]:b[q]"]),
        ("~ n + a:n", ["Intercept", "n", "a[y]:n", "a[z]:n"]),
        ("~ yes", ["Intercept", "yes[True]"]),
    ],
)
def test_columns_are_those_of_r(formula, columns):
    matrix = model_matrix(parse_formula(formula), FRAME)
    assert matrix.columns.tolist() == columns
    assert np.linalg.matrix_rank(matrix) == len(columns)


def test_the_numbers_are_those_written_out_by_hand():
    matrix = model_matrix(parse_formula("~ 0 + b + b:n"), FRAME)
    assert matrix["b[q]"].tolist() == [0, 1, 0, 1, 0, 1]
    assert matrix["b[p]:n"].tolist() == [1, 0, 3, 0, 5, 0]
    assert matrix.index.tolist() == list("ABCDEF")


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("a + b", r"a formula begins with ~, such as ~ 0 \+ mouse__group \+ library__pool; got a \+ b\."),
        ("", "a formula begins with ~"),
        ("~ 0 + a * b", r"character 7: a \* b is not understood; write a \+ b \+ a:b for a \* b"),
        ("~ a - 1", r"character 3: a - 1 is not understood; write 0 \+ first"),
        ("~ a + 0", "character 7: 0 is not understood; 0 stands first"),
        ("~ a + ", r"character 7: a term is missing beside a \+"),
        ("~ log(a)", r"character 3: log\(a\) is not understood; a term is a field"),
        ("~ a:a", "names a field twice"),
        ("~ a + b + a", "a comes twice"),
        ("~ 0", "the formula has no term; write ~ 0"),
    ],
)
def test_what_is_not_understood_is_said_with_its_place_and_remedy(formula, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_formula(formula)


def test_a_missing_value_is_named():
    with pytest.raises(ValueError, match=r"b is missing for C; enter it, or take it out of the formula\."):
        model_matrix(parse_formula("~ a + b"), FRAME.assign(b=["p", "q", None, "q", "p", "q"]))


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("a[x] - b", {"a[x]": 1.0, "b": -1.0}),
        ("-a + 0.5 * b + 1/4*c", {"a": -1.0, "b": 0.5, "c": 0.25}),
        ("a[non-responder]:b[x + y] - a[b: c]", {"a[non-responder]:b[x + y]": 1.0, "a[b: c]": -1.0}),
        ("a + a - b + b", {"a": 2.0}),
    ],
)
def test_a_combination_of_coefficients_is_read(text, weights):
    assert parse_combination(text) == weights


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a b", "character 3: b is not understood"),
        ("a + * b", r"character 3: \+ \* b is not understood"),
        ("1/0 * a", "1/0 divides by 0"),
        ("(a - b) / 2", r"character 1: \(a - b\) / 2 is not understood"),
    ],
)
def test_a_combination_that_is_not_understood_is_refused_with_its_place(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_combination(text)


def test_a_coefficient_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"no coefficient c; it has: a, b\."):
        weights_of({"a": 1.0, "c": -1.0}, pd.Index(["a", "b"]))
