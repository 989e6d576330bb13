"""Names that a slip of the finger turns into the one typed: letters taken for digits, two exchanged, one too many, zeros left out."""

import re
from itertools import islice, product

MISTAKEN = {
    "O": "0",
    "0": "O",
    "I": "1",
    "1": "I",
    "L": "1",
    "S": "5",
    "5": "S",
    "B": "8",
    "8": "B",
    "Z": "2",
    "2": "Z",
}
MOST_MISTAKEN = 64  # ways to read a name; one of ten doubtful letters has a thousand
MOST_ZEROS = 4


def slips(name: str) -> set[str]:
    """Return what may have been meant by a name in capitals.

    Examples
    --------
    >>> sorted(slips("M1") & {"M001", "MI", "1M"})
    ['1M', 'M001', 'MI']
    """
    readings = product(*((letter, MISTAKEN[letter]) if letter in MISTAKEN else (letter,) for letter in name))
    meant = {"".join(letters) for letters in islice(readings, MOST_MISTAKEN)}
    for at in range(len(name)):
        meant.add(name[:at] + name[at + 1 :])
        meant.add(name[:at] + name[at : at + 2][::-1] + name[at + 2 :])
    for number in re.finditer(r"\d+", name):
        before, rest = name[: number.start()], name[number.start() :]
        meant |= {before + "0" * zeros + rest for zeros in range(1, MOST_ZEROS + 1)}
        meant |= {before + number[0].lstrip("0") + name[number.end() :]}
    return meant - {name, ""}
