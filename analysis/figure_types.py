"""What a figure is asked from and answered with; shared by the modules that draw."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.models import AnalysisRun


class FigureError(Exception):
    """A figure that cannot be drawn as asked; the text says what can be."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """What a figure is drawn from: the run that holds the results, who looks, and the address' parameters."""

    run: AnalysisRun
    user: Any
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Drawn:
    """A chart and the sentence below it.

    Attributes
    ----------
    parts : tuple of str
        Of the name of a file.
    title : str
        Where it says more than the figure's own, such as the region: one page may hold several.
    """

    chart: Any
    caption: str
    parts: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure that a task's results give."""

    name: str
    title: str
    task: str
    draw: Callable[[Asked], Drawn]
    is_wide: bool = False  # many panels: a row of the page for itself
