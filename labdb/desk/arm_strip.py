"""An arm over days as a strip: one line for each of its parts."""

from dataclasses import dataclass

from labdb.treatment.dosing_schedule import Part, by_arm

LINE = 10  # of the picture's own units
PIXELS = 16  # of one line on the page
SHADES = 4  # drugs that can be told by color


@dataclass(frozen=True)
class Bar:
    """One part: where it begins, how many days it lasts, on which line, of which kind."""

    x: int
    width: int
    y: int
    shade: str
    words: str


@dataclass(frozen=True)
class Strip:
    """The picture of one arm."""

    days: int
    height: int
    bars: list[Bar]

    @property
    def pixels(self) -> int:
        """How high it is drawn."""
        return PIXELS * self.height // LINE

    @property
    def words(self) -> str:
        """What a reader who sees no picture is told."""
        return "; ".join(bar.words for bar in self.bars)


def strips(parts: list[Part]) -> dict[str, Strip]:
    """Return the picture of each arm; all have the same days, and a drug the same color in all."""
    days = max((part.day_to for part in parts), default=0)
    drugs = sorted({part.drug for part in parts if part.drug and part.dose_mg_per_kg is not None})
    pictures = {}
    for arm, some in by_arm(parts).items():
        bars = [
            Bar(part.day_from - 1, part.day_to - part.day_from + 1, line * LINE + 1, _shade(part, drugs), _words(part))
            for line, part in enumerate(some)
        ]
        pictures[arm] = Strip(days, len(some) * LINE, bars)
    return pictures


def _shade(part: Part, drugs: list[str]) -> str:
    if part.device:
        return "device"
    return f"drug-{drugs.index(part.drug) % SHADES + 1}" if part.drug in drugs and part.dose_mg_per_kg else "vehicle"


def _words(part: Part) -> str:
    return str(part.row) if part.row is not None else f"{part.drug or part.device}, days {part.day_from}-{part.day_to}"
