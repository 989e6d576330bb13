"""What must be made up for the doses of some days: how much of which solution, and which syringes are filled from it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labdb.treatment.dose_findings import volume_ml
from labdb.treatment.dose_planning import bottle_of
from labdb.treatment.solution_choice import BASE, converted_mg

USUAL_MASS_G = 25.0  # of a mouse that was not weighed yet; an adult C57BL/6J


@dataclass(frozen=True)
class Syringe:
    """A code, its mouse, and what is drawn into it each time."""

    code: str
    mouse: str
    ml: float
    n_doses: int
    is_weighed: bool


@dataclass(frozen=True)
class Preparation:
    """One solution for the doses of some days.

    Attributes
    ----------
    drawn_ml, made_ml : float
        What goes into the syringes, and what is made with the overage.
    weighed_mg : float or None
        Of the drug as it is bought (a salt, if it is one); None for a vehicle, or where molar masses are missing.
    """

    solution: Any
    syringes: Sequence[Syringe]
    mean_mass_g: float
    n_doses: int
    drawn_ml: float
    made_ml: float
    weighed_mg: float | None

    @property
    def n_unweighed(self) -> int:
        """How many mice have no mass yet."""
        return sum(not one.is_weighed for one in self.syringes)

    @property
    def is_converted(self) -> bool:
        """Whether the mass to weigh in is that of the salt of a base."""
        return bool(self.solution.drug_form == BASE and self.weighed_mg and self.solution.drug.salt)


def preparations(
    doses: Sequence[Any], solution_of: Mapping[str, Any], mass_g_of: Mapping[int, float], overage_percent: float
) -> list[Preparation]:
    """Return what is made for some doses, by the solutions' codes.

    Parameters
    ----------
    doses : sequence of Dose
        Planned ones, with their mice loaded.
    solution_of : mapping of str to Solution
        By syringe code.
    mass_g_of : mapping of int to float
        Newest body mass (g) by mouse; `USUAL_MASS_G` stands for one that is missing.
    """
    by_solution: dict[Any, list[Any]] = defaultdict(list)
    for dose in doses:
        if dose.solution_code in solution_of and dose.volume_ml_per_kg:
            by_solution[solution_of[dose.solution_code]].append(dose)
    ordered = sorted(by_solution, key=lambda solution: solution.code)
    return [_preparation(solution, by_solution[solution], mass_g_of, overage_percent) for solution in ordered]


def _preparation(solution: Any, doses: list[Any], mass_g_of: Mapping[int, float], percent: float) -> Preparation:
    of_code: dict[str, list[Any]] = defaultdict(list)
    for dose in doses:
        of_code[dose.solution_code].append(dose)
    syringes = [
        Syringe(
            code, some[0].mouse.code, _ml(some[0], mass_g_of), len(some), some[0].mouse_id in mass_g_of
        )
        for code, some in sorted(of_code.items())
    ]  # fmt: skip
    masses = [mass_g_of.get(mouse, USUAL_MASS_G) for mouse in {dose.mouse_id for dose in doses}]
    drawn_ml = sum(_ml(dose, mass_g_of) for dose in doses)
    made_ml = drawn_ml * (1 + percent / 100)
    return Preparation(
        solution, syringes, sum(masses) / len(masses), len(doses), drawn_ml, made_ml, _weighed_mg(solution, made_ml)
    )


def _ml(dose: Any, mass_g_of: Mapping[int, float]) -> float:
    return volume_ml(dose.volume_ml_per_kg, mass_g_of.get(dose.mouse_id, USUAL_MASS_G))


def _weighed_mg(solution: Any, made_ml: float) -> float | None:
    """Return the mass of drug, as bought, in so much of a solution."""
    if not solution.stock_mg_per_ml:
        return None
    mg = solution.stock_mg_per_ml * made_ml
    if solution.drug_form == BASE and solution.drug.salt:
        return converted_mg(mg, BASE, "salt", bottle_of(solution))
    return mg
