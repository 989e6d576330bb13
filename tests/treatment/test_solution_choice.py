"""Which bottle gives mg/kg in ml/kg, salt and free base told apart."""

from dataclasses import replace

import pytest

from labdb.treatment.dosing_schedule import Part
from labdb.treatment.solution_choice import Bottle, converted_mg, stock_sentence, why_not

PART = Part("imipramine", 1, 1, 14, "09:00", "imipramine", 20, "salt", "i.p.", 10)
# imipramine hydrochloride 316.87 g/mol, base 280.41 g/mol: 2 mg of salt hold 2 * 280.41 / 316.87 = 1.7699 mg of base
SALT = Bottle("IMI1", "imipramine", 2.0, "salt", 316.87, 280.41)


@pytest.mark.parametrize(
    ("part", "bottle", "sentence"),
    [
        (PART, SALT, ""),
        (PART, replace(SALT, stock_mg_per_ml=2.019), ""),
        (PART, replace(SALT, stock_mg_per_ml=2.021), "IMI1 holds 2.021 mg/ml of the salt; 2 would fit."),
        (PART, replace(SALT, stock_mg_per_ml=1.7699, drug_form="base"), ""),
        (PART, replace(SALT, drug_form="base"), "IMI1 holds 2.26 mg/ml of the salt; 2 would fit."),
        (replace(PART, drug_form="base"), SALT, "IMI1 holds 1.77 mg/ml of the free base; 2 would fit."),
        (
            replace(PART, drug_form=""), SALT,
            "IMI1 counts mg of salt, the dose of what nobody said; say both, and the molar masses of imipramine.",
        ),
        (PART, replace(SALT, stock_mg_per_ml=None), "IMI1 says no strength; enter its stock (mg/ml)."),
        (replace(PART, volume_ml_per_kg=None), SALT, "The part says no volume; enter its ml/kg."),
        (replace(PART, drug="saline", dose_mg_per_kg=None), replace(SALT, drug="saline", stock_mg_per_ml=None), ""),
        (replace(PART, dose_mg_per_kg=None), SALT, "IMI1 is no vehicle."),
        (replace(PART, drug="ketamine"), SALT, "IMI1 is imipramine, not ketamine."),
    ],
)  # fmt: skip
def test_a_bottle_fits_within_one_percent_or_says_why_not(part: Part, bottle: Bottle, sentence: str) -> None:
    assert why_not(part, bottle) == sentence


def test_salt_and_base_are_converted_by_molar_masses() -> None:
    assert converted_mg(100, "salt", "base", SALT) == pytest.approx(88.494, abs=0.001)  # 100 * 280.41 / 316.87
    assert converted_mg(100, "base", "salt", SALT) == pytest.approx(113.002, abs=0.001)
    assert converted_mg(100, "base", "salt", replace(SALT, molar_mass=None)) is None


def test_the_stock_that_would_fit_is_said() -> None:
    assert stock_sentence(PART) == "20 mg/kg of the salt in 10 ml/kg needs a stock of 2 mg/ml"
