"""Reads the QR codes that labdb draws: from what stands in a PDF or an SVG to the text that a scanner would type.

Nothing of the library that made them is used. No error is corrected: what was drawn is to be without any. As in
ISO/IEC 18004:2015, for versions 1 to 6 (up to 41 x 41 modules) in the modes of bytes, which any address fits, and of capitals.
"""

import re
from collections.abc import Iterator

Modules = list[list[bool]]  # rows from the top, dark is True
BLOCKS = {  # codewords of data in each block, by version and level (table 9)
    (1, "L"): [19], (1, "M"): [16], (1, "Q"): [13], (1, "H"): [9],
    (2, "L"): [34], (2, "M"): [28], (2, "Q"): [22], (2, "H"): [16],
    (3, "L"): [55], (3, "M"): [44], (3, "Q"): [17] * 2, (3, "H"): [13] * 2,
    (4, "L"): [80], (4, "M"): [32] * 2, (4, "Q"): [24] * 2, (4, "H"): [9] * 4,
    (5, "L"): [108], (5, "M"): [43] * 2, (5, "Q"): [15, 15, 16, 16], (5, "H"): [11, 11, 12, 12],
    (6, "L"): [68] * 2, (6, "M"): [27] * 4, (6, "Q"): [19] * 4, (6, "H"): [15] * 4,
}  # fmt: skip
LEVELS = {0b01: "L", 0b00: "M", 0b11: "Q", 0b10: "H"}
FORMAT_MASK = 0b101010000010010
MASKS = (
    lambda i, j: (i + j) % 2 == 0, lambda i, _j: i % 2 == 0, lambda _i, j: j % 3 == 0, lambda i, j: (i + j) % 3 == 0,
    lambda i, j: (i // 2 + j // 3) % 2 == 0, lambda i, j: i * j % 2 + i * j % 3 == 0,
    lambda i, j: (i * j % 2 + i * j % 3) % 2 == 0, lambda i, j: ((i + j) % 2 + i * j % 3) % 2 == 0,
)  # fmt: skip
BYTES, ALPHANUMERIC = 0b0100, 0b0010
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def modules_of_pdf(pdf: bytes) -> list[Modules]:
    """Return the codes on the cards of a PDF that is not compressed; each is a run of filled squares of one size."""
    squares = re.findall(rb"^([\d.]+) ([\d.]+) ([\d.]+) -([\d.]+) re f$", pdf, re.MULTILINE)
    codes: list[tuple[float, list[tuple[float, float]]]] = []
    for x, y, width, height in ([float(one) for one in square] for square in squares):
        assert width == height
        # a code is drawn downwards: one further up, or further away than any is wide, belongs to the next
        if not codes or y > codes[-1][1][-1][1] + width or abs(x - codes[-1][1][0][0]) > 45 * width:
            codes.append((width, []))
        codes[-1][1].append((x, y))
    return [_grid(code, side) for side, code in codes]


def _grid(squares: list[tuple[float, float]], side: float) -> Modules:
    left, top = min(x for x, _y in squares), max(y for _x, y in squares)
    size = round((max(x for x, _y in squares) - left) / side) + 1
    modules = [[False] * size for _row in range(size)]
    for x, y in squares:
        modules[round((top - y) / side)][round((x - left) / side)] = True
    return modules


def modules_of_svg(svg: str) -> Modules:
    """Return the code of an SVG whose dark modules are the strokes of one path, a module high."""
    (path,) = re.findall(r'<path [^>]*\bd="([^"]+)"', svg)
    x = y = 0.0
    dark = []
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        steps = [float(one) for one in numbers.split()]
        if command == "M":
            x, y = steps
        elif command == "m":
            x, y = x + steps[0], y + steps[1]
        else:
            dark += [(x + step, -y) for step in range(int(steps[0]))]
            x += steps[0]
    return _grid(dark, 1.0)


def read(modules: Modules) -> str:
    """Return the text of a code."""
    size = len(modules)
    version, rest = divmod(size - 17, 4)
    assert rest == 0
    level, mask = _format(modules)
    bits = [modules[i][j] ^ MASKS[mask](i, j) for i, j in _path(size, version)]
    codewords = [
        sum(bit << (7 - place) for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8)
    ]
    return _text(_in_order(codewords, BLOCKS[version, level]))


def _format(modules: Modules) -> tuple[str, int]:
    places = [*((8, j) for j in (0, 1, 2, 3, 4, 5, 7, 8)), *((i, 8) for i in (7, 5, 4, 3, 2, 1, 0))]
    word = sum(modules[i][j] << (14 - place) for place, (i, j) in enumerate(places)) ^ FORMAT_MASK
    return LEVELS[word >> 13], (word >> 10) & 0b111


def _path(size: int, version: int) -> Iterator[tuple[int, int]]:
    """Yield the modules that hold data, in their order: two columns at a time from the right, up and down by turns."""
    columns = [column for column in range(size - 1, 0, -2) if column > 6] + [5, 3, 1]
    for turn, right in enumerate(columns):
        for i in range(size - 1, -1, -1) if turn % 2 == 0 else range(size):
            for j in (right, right - 1):
                if not _is_function(i, j, size, version):
                    yield i, j


def _is_function(i: int, j: int, size: int, version: int) -> bool:
    in_finder = (i < 9 and (j < 9 or j >= size - 8)) or (i >= size - 8 and j < 9)
    in_alignment = version > 1 and abs(i - (size - 7)) < 3 and abs(j - (size - 7)) < 3
    return in_finder or in_alignment or 6 in (i, j)


def _in_order(codewords: list[int], sizes: list[int]) -> list[int]:
    """Return the data of all blocks one after the other; they are drawn a codeword of each by turns."""
    blocks: list[list[int]] = [[] for _size in sizes]
    at = 0
    for place in range(max(sizes)):
        for block, size in zip(blocks, sizes, strict=True):
            if place < size:
                block.append(codewords[at])
                at += 1
    return [one for block in blocks for one in block]


def _text(data: list[int]) -> str:
    bits = "".join(f"{one:08b}" for one in data)
    if int(bits[:4], 2) == ALPHANUMERIC:
        return _letters(bits)
    assert int(bits[:4], 2) == BYTES
    length = int(bits[4:12], 2)
    return bytes(int(bits[at : at + 8], 2) for at in range(12, 12 + 8 * length, 8)).decode()


def _letters(bits: str) -> str:
    """Return digits, capitals and a few signs: two in 11 bits, a last one alone in 6."""
    length, at, text = int(bits[4:13], 2), 13, ""
    while len(text) < length - 1:
        text += "".join(LETTERS[one] for one in divmod(int(bits[at : at + 11], 2), len(LETTERS)))
        at += 11
    return text + LETTERS[int(bits[at : at + 6], 2)] if len(text) < length else text
