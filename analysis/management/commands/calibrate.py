"""`calibrate STUDY`: how often the reversal test errs, and how often it finds, in simulated studies of this one's shape."""

import html
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pandas as pd
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from analysis.calibration_figures import in_words
from analysis.figures.calibration import calibration_rates
from analysis.figures.theme import save_figure
from analysis.kernels.calibration import STANDARD, calibrate
from analysis.tasks.calibration import TASK, said_of
from labdb.colony.models import Study

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font-family: sans-serif; max-width: 60rem; margin: 2rem auto"><h1>{title}</h1><p>{said}</p>
{figure}{table}</body></html>
"""


class Command(BaseCommand):
    """Simulate every null and every reversal, print the rates with their Monte Carlo error, and write table and figure."""

    help = "Simulate studies of this one's shape, and count the errors and the finds of the reversal test."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument("study", metavar="STUDY", help="Code of a study with counts and a randomized drug arm.")
        parser.add_argument("--region", default="", metavar="CODE", help="By default the first that was sequenced.")
        parser.add_argument("--arm", default="", metavar="NAME", help="By default the first drug arm.")
        parser.add_argument("--replicates", default="", metavar="N", help="Simulated studies a truth; by default 400.")
        parser.add_argument("--seed", default="", metavar="N", help="Of the simulation; by default 0.")
        parser.add_argument("--out", type=Path, metavar="DIR", help="Folder for calibration.csv, .svg, .png and .html.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Simulate, and say what came of it."""
        inputs = _inputs(options)
        try:
            shape = inputs.shape()
        except ValueError as error:
            raise CommandError(f"{inputs.region}, {inputs.arm}: {error}.") from None
        if options["out"]:
            _make_folder(options["out"])
        said = said_of(shape, inputs)
        self.stdout.write(said)
        stopper = _Stopper()
        try:
            rates = calibrate(
                shape, n_replicates=inputs.n_replicates, seed=inputs.seed, progress=self._tell, stop=stopper.is_asked
            )
        finally:
            stopper.put_back()
            self._end_line()
        said = f"{said} {self._say_partial(rates, inputs.n_replicates)}".strip() if stopper.is_asked() else said
        table = _in_words(rates)
        self.stdout.write(table.to_string(index=False))
        if options["out"]:
            for path in _write(options["out"], f"Calibration, {options['study']}", said, rates, table):
                self.stdout.write(f"Written: {path}")

    def _tell(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{100 * done // total:3d} %  {done:,} of {total:,} simulated studies", ending="")
            self.stderr.flush()

    def _end_line(self) -> None:
        if sys.stderr.isatty():
            self.stderr.write("")

    def _say_partial(self, rates: pd.DataFrame, n_replicates: int) -> str:
        n_truths = len(rates.drop_duplicates(["has_stress", "undone", "selection"]))
        fewest = int(rates["n_replicates"].min())
        sentence = (
            f"Stopped from the keyboard: {n_truths} of {len(STANDARD)} truths were begun, and the last has {fewest} of "
            f"{n_replicates} studies; what was simulated so far stands in the table."
        )
        self.stderr.write(sentence)
        return sentence


class _Stopper:
    """Takes Ctrl-C as a wish to stop after the study that is being simulated; a second one stops at once."""

    def __init__(self) -> None:
        self._is_asked = False
        self._before = signal.signal(signal.SIGINT, self._ask)

    def _ask(self, *_signal: Any) -> None:
        self._is_asked = True
        self.put_back()

    def is_asked(self) -> bool:
        return self._is_asked

    def put_back(self) -> None:
        signal.signal(signal.SIGINT, self._before)


def _inputs(options: dict[str, Any]) -> Any:
    study = Study.objects.filter(code=options["study"]).first()
    if study is None:
        known = ", ".join(Study.objects.values_list("code", flat=True)) or "none yet"
        raise CommandError(f"There is no study {options['study']}; there are: {known}.")
    asked = {"region": options["region"], "arm": options["arm"], "seed": options["seed"]}
    asked["n_replicates"] = options["replicates"]
    try:
        parameters = TASK.resolve(study, {name: value for name, value in asked.items() if value != ""})
        if why_not := TASK.missing(study, parameters):
            raise CommandError(why_not)
        return TASK.load(study, parameters).inputs
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    except ValueError as error:
        raise CommandError(str(error)) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder} cannot be made: {error.strerror}; name another folder.") from None


def _in_words(rates: pd.DataFrame) -> pd.DataFrame:
    said = pd.DataFrame(
        [in_words({str(name): value for name, value in row.items()}) for row in rates.to_dict("records")]
    )
    return pd.DataFrame(
        {
            "in truth": said["truth"], "test": said["how"], "studies": rates["n_replicates"], "with p": rates["n_answered"],
            "called": rates["n_called"], "rate (error), 95 %": said["rate_text"],
            "mean undone": rates["mean_fraction_undone"].round(2), "interval holds": rates["coverage"].round(3),
        }
    )  # fmt: skip


def _write(folder: Path, title: str, said: str, rates: pd.DataFrame, table: pd.DataFrame) -> list[Path]:
    chart = calibration_rates(rates)
    svg = save_figure(chart, "svg")
    page = PAGE.format(
        title=html.escape(title),
        said=html.escape(said),
        figure=svg.decode(),
        table=table.to_html(index=False, na_rep="–"),
    )
    files = {
        "csv": rates.to_csv(index=False).encode(), "svg": svg, "png": save_figure(chart, "png"), "html": page.encode(),
    }  # fmt: skip
    paths = [folder / f"calibration.{kind}" for kind in files]
    try:
        for path, written in zip(paths, files.values(), strict=True):
            path.write_bytes(written)
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from None
    return paths
