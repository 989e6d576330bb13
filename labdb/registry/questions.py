"""A question in words, such as `phenotype = "susceptible" and drug = "ketamine" and score < 0.5`.

The grammar and its completion are djangoql's. What it may ask is no list of its own: a name is a filter of the record
(`mouse.cohort.code` is `mouse__cohort__code`), checked by the same fields, permissions and kin as an address.
"""

import threading
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import ply.yacc as yacc
from django.core.exceptions import ValidationError
from djangoql.ast import Expression, List, Logical
from djangoql.exceptions import DjangoQLError
from djangoql.lexer import DjangoQLLexer
from djangoql.parser import DjangoQLParser

from labdb.registry.asked import MOST_ASKED, AllOf, AnyOf, Asked, Asker, Part
from labdb.registry.filters import LOOKUPS, PARTS, known, last_model, narrows, resolve, slow_sentence
from labdb.registry.form_fields import is_storable
from labdb.registry.record import Record
from labdb.registry.table_sizes import LONG_TABLE, rows_about

LONGEST = 2_000  # characters; what an address holds
DEEPEST = 50  # parentheses within parentheses
EXAMPLE = 'sex = "F" and birth_date > "2026-01-01"'
OPERATORS = {  # -> lookup, whether it is turned round
    "=": ("exact", False), "!=": ("exact", True), ">": ("gt", False), ">=": ("gte", False), "<": ("lt", False),
    "<=": ("lte", False), "~": ("icontains", False), "!~": ("icontains", True), "startswith": ("startswith", False),
    "not startswith": ("startswith", True), "endswith": ("endswith", False), "not endswith": ("endswith", True),
    "in": ("exact", False), "not in": ("exact", True),
}  # fmt: skip


class _Parser(DjangoQLParser):
    """Djangoql's, in which `and` binds closer than `or`, as everybody reads it."""

    precedence = (("left", "OR"), ("left", "AND"))

    def p_expression_logical(self, p: Any) -> None:
        """
        expression : expression AND expression
                   | expression OR expression
        """
        p[0] = Expression(left=p[1], operator=Logical(operator=p[2]), right=p[3])

    def p_expression_parens(self, p: Any) -> None:
        """
        expression : PAREN_L expression PAREN_R
        """
        p[0] = p[2]
        p[0].is_closed = True


_parser: list[_Parser] = []  # its tables take a moment, so they are made by the first question
_parsing = threading.Lock()  # it keeps its state in itself


def read_question(record: type[Record], text: str, asker: Asker) -> Part:
    """Return what a question asks of a record; ValidationError says where it goes wrong, and what would be right."""
    if len(text) > LONGEST:
        raise ValidationError(
            f"A question has at most {LONGEST:,} characters, this one {len(text):,}; ask less at once."
        )
    if not is_storable(text):
        raise ValidationError("A question cannot hold NUL or half characters; type it anew.")
    return _Reader(record, text, asker).part(_parsed(text))


def _parsed(text: str) -> Expression:
    depth = deepest = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise ValidationError(f"More than {DEEPEST} parentheses stand within each other; ask more simply.")
    try:
        with _parsing:
            if not _parser:
                _parser.append(_Parser(errorlog=yacc.NullLogger()))
            return _parser[0].parse(text, lexer=DjangoQLLexer())
    except DjangoQLError as error:
        raise ValidationError(_syntax_sentence(error, text)) from None
    except (ValueError, ArithmeticError, RecursionError):
        raise ValidationError(f"The question cannot be read; write it as {EXAMPLE}.") from None


def _syntax_sentence(error: DjangoQLError, text: str) -> str:
    column = getattr(error, "column", None)
    if column is None:
        return f"The question ends too soon, after {text[-20:]!r}; a comparison is a name, a sign and a value, as {EXAMPLE}."
    value = str(getattr(error, "value", ""))[:20]
    hint = "texts stand in quotation marks" if value[:1].isalpha() else "a comparison is a name, a sign and a value"
    return f"Column {column}: {value!r} is not understood here; {hint}, as {EXAMPLE}."


class _Reader:
    def __init__(self, record: type[Record], text: str, asker: Asker) -> None:
        self.record, self.text, self.asker = record, text, asker
        self.n_asked = 0
        self.is_narrowed = False
        self.parts_of_texts: list[Asked] = []

    def part(self, node: Expression) -> Part:
        """Return what the parsed question asks."""
        read = self._joined(node)
        is_narrowed = self.is_narrowed and not any(isinstance(one, AnyOf) for one in _all_parts(read))
        for leaf in self.parts_of_texts:
            model = last_model(self.record, leaf.path)
            if not is_narrowed and (about := rows_about(model)) > LONG_TABLE:
                raise ValidationError(slow_sentence(leaf.said, model, about))
        return read

    def _joined(self, node: Expression) -> Part:
        if not isinstance(node.operator, Logical):
            return self._comparison(node)
        sign = node.operator.operator
        parts = [self._joined(one) for one in _operands(node, sign)]
        return AllOf(tuple(parts), hasattr(node, "is_closed")) if sign == "and" else AnyOf(tuple(parts))

    def _comparison(self, node: Expression) -> Part:
        lookup, is_not = OPERATORS.get(node.operator.operator, ("", False))
        said = node.left.value
        where = f"Column {self._column(said)}"
        self.n_asked += 1
        if self.n_asked > MOST_ASKED:
            raise ValidationError(f"{where}: more than {MOST_ASKED} comparisons are asked at once; ask for fewer.")
        if not lookup:
            raise ValidationError(
                f"{where}: {node.operator.operator} is no sign here; known are {', '.join(OPERATORS)}."
            )
        try:
            values = node.right.value if isinstance(node.right, List) else [node.right.value]
            if isinstance(node.right, List) and len(values) > MOST_ASKED:
                raise ValidationError(f"a list holds at most {MOST_ASKED} values here, this one {len(values)}.")
            found = [self._asked(said, lookup, value, is_not=is_not) for value in values]
        except ValidationError as error:
            raise ValidationError([f"{where}, {said}: {sentence}" for sentence in error.messages]) from None
        if len(found) == 1:
            return found[0]
        return (AllOf if is_not else AnyOf)(tuple(found))

    def _asked(self, said: str, lookup: str, value: Any, *, is_not: bool) -> Asked:
        if value is None:
            if lookup != "exact":
                raise ValidationError("None has no size and no parts; compare it by = or !=.")
            lookup, value, is_not = "isnull", not is_not, False
        name = "__".join([*said.split("."), *([lookup] if lookup != "exact" else [])])
        asked = Asked(said, self._resolved(said, name), _text(value), is_not)
        self.asker.refuse(asked)
        self.asker.condition(self.record, [asked])  # a wrong value says so under its own name
        if lookup in PARTS:
            self.parts_of_texts.append(asked)
        self.is_narrowed |= not is_not and narrows(self.record, name, asked.path)
        return asked

    def _resolved(self, said: str, name: str) -> Any:
        if any(step in LOOKUPS for step in said.split(".")[1:]) or "__" in said:
            raise ValidationError("names are joined by points, and comparisons are signs, as rin >= 8.")
        try:
            return resolve(self.record, name)
        except ValidationError as error:
            names = known(self.record)
            close = get_close_matches(said.split(".")[0], names, n=3)
            if said.split(".")[0] in names or not close:
                raise ValidationError([one.replace("__", ".") for one in error.messages]) from None
            raise ValidationError(
                f"{self.record.title()} have no such field; did you mean {' or '.join(close)}?"
            ) from None

    def _column(self, said: str) -> int:
        return self.text.find(said) + 1


def _operands(node: Expression, sign: str) -> list[Expression]:
    """Return what one sign joins, from left to right; by a loop, as a chain may be long.

    What stands in parentheses for itself stays together: it may speak of another row of the same kin.
    """
    found: list[Expression] = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        is_apart = one is not node and sign == "and" and hasattr(one, "is_closed")
        if isinstance(one.operator, Logical) and one.operator.operator == sign and not is_apart:
            waiting += [one.right, one.left]
        else:
            found.append(one)
    return found


def _all_parts(part: Part) -> list[Part]:
    return [part] if isinstance(part, Asked) else [part, *(found for one in part.parts for found in _all_parts(one))]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) and abs(value.adjusted()) < 400 else str(value)
