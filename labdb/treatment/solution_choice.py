"""Which bottle gives a dose in the volume that all arms get: mg/kg over ml/kg is its strength."""

from dataclasses import dataclass

from labdb.treatment.dosing_schedule import Part

TOLERANCE = 0.01  # of the strength: a stock is weighed in no more exactly; ours
BASE = "base"


@dataclass(frozen=True)
class Bottle:
    """A solution, or one that could be made.

    Attributes
    ----------
    stock_mg_per_ml : float or None
        None for a vehicle.
    drug_form : str
        salt, base, or empty where nobody said it: what the mg are of.
    molar_mass, base_molar_mass : float or None
        Of the drug as bought and of its free base (g/mol).
    """

    code: str
    drug: str
    stock_mg_per_ml: float | None = None
    drug_form: str = ""
    molar_mass: float | None = None
    base_molar_mass: float | None = None


def converted_mg(mg: float, from_form: str, to_form: str, bottle: Bottle) -> float | None:
    """Return a mass of salt as that of its base, or the other way; None where the molar masses are not known."""
    if from_form == to_form:
        return mg
    if not (from_form and to_form and bottle.molar_mass and bottle.base_molar_mass):
        return None
    base_in_salt = bottle.base_molar_mass / bottle.molar_mass
    return mg * base_in_salt if to_form == BASE else mg / base_in_salt


def why_not(part: Part, bottle: Bottle) -> str:
    """Return why a bottle does not give the dose of a part in its volume; empty where it does."""
    if bottle.drug != part.drug:
        return f"{bottle.code} is {bottle.drug}, not {part.drug}."
    if part.dose_mg_per_kg is None:
        return f"{bottle.code} is no vehicle." if bottle.stock_mg_per_ml else ""
    if not bottle.stock_mg_per_ml:
        return f"{bottle.code} says no strength; enter its stock (mg/ml)."
    if not part.volume_ml_per_kg:
        return "The part says no volume; enter its ml/kg."
    stock = converted_mg(bottle.stock_mg_per_ml, bottle.drug_form, part.drug_form, bottle)
    if stock is None:
        return f"{bottle.code} counts mg of {bottle.drug_form or 'what nobody said'}, the dose of {part.drug_form or 'what nobody said'}; say both, and the molar masses of {bottle.drug}."
    wanted = part.dose_mg_per_kg / part.volume_ml_per_kg
    if abs(stock / wanted - 1) <= TOLERANCE:
        return ""
    return f"{bottle.code} holds {stock:.4g} mg/ml{_of(part)}; {wanted:.4g} would fit."


def stock_sentence(part: Part) -> str:
    """Say which stock a part needs."""
    if part.dose_mg_per_kg is None:
        return f"enter a solution of {part.drug} without a strength"
    if not part.volume_ml_per_kg:
        return "enter the volume of the part (ml/kg) first"
    wanted = part.dose_mg_per_kg / part.volume_ml_per_kg
    return f"{part.dose_mg_per_kg:g} mg/kg{_of(part)} in {part.volume_ml_per_kg:g} ml/kg needs a stock of {wanted:.4g} mg/ml"


def _of(part: Part) -> str:
    return {"": "", BASE: " of the free base"}.get(part.drug_form, f" of the {part.drug_form}")
