"""Arms that are often used, to start from; every number can be changed, and the study's protocol decides."""

from dataclasses import dataclass
from typing import Any

TIME = "09:00"  # ours: early in the light phase
ML_PER_KG = 10.0  # the usual most for i.p. in mice; the same in all arms
DAYS = 14  # Bagot et al., Biol Psychiatry 81, 285 (2017)


@dataclass(frozen=True)
class Preset:
    """One or more arms with their parts, by field.

    Attributes
    ----------
    source : str
        Where the numbers are from.
    """

    name: str
    title: str
    source: str
    arms: dict[str, list[dict[str, Any]]]

    def is_vehicle(self, arm: str) -> bool:
        """Whether an arm of it holds nothing but vehicle and sham."""
        return all(part.get("is_sham") or part.get("drug") == "saline" for part in self.arms[arm])


def _injected(drug: str, day_from: int = 1, day_to: int = DAYS, dose_mg_per_kg: float | None = None) -> dict[str, Any]:
    part = {
        "day_from": day_from, "day_to": day_to, "time_of_day": TIME, "drug": drug, "route": "i.p.",
        "volume_ml_per_kg": ML_PER_KG,
    }  # fmt: skip
    if dose_mg_per_kg is None:
        return part
    return {**part, "dose_mg_per_kg": dose_mg_per_kg, "drug_form": "salt", "vehicle": "saline"}


def _device(device: str, day_to: int = DAYS, **settings: Any) -> dict[str, Any]:
    return {"day_from": 1, "day_to": day_to, "time_of_day": "11:00", "device": device, **settings}


# Hamani et al., Biol Psychiatry 71, 30 (2012), rats: 8 h/day for 2 weeks; current and pulse are those usual there.
_DBS = _device("DBS", device_target="PFC", frequency_hz=130, pulse_width_us=90, current_ua=100, hours_per_day=8)
_SHAM_DBS = _device("DBS", device_target="PFC", hours_per_day=8, is_sham=True)
_SALINE = _injected("saline")
_FLUOXETINE = _injected("fluoxetine", dose_mg_per_kg=10)  # ours; a usual dose
_BAGOT = "Bagot et al. 2017"
_DBS_SOURCE = "Hamani et al. 2012, in rats"

PRESETS = (
    Preset("saline", "Saline, daily x 14", _BAGOT, {"saline": [_SALINE]}),
    Preset(
        "imipramine", "Imipramine 20 mg/kg i.p., daily x 14", _BAGOT,
        {"imipramine": [_injected("imipramine", dose_mg_per_kg=20)]},
    ),
    Preset(
        "ketamine", "Ketamine 10 mg/kg i.p. on day 14, saline before", _BAGOT,
        {"ketamine": [_injected("saline", 1, DAYS - 1), _injected("ketamine", DAYS, DAYS, 10)]},
    ),
    Preset("dbs", "DBS of the PFC, 8 h/day x 14", _DBS_SOURCE, {"DBS": [_DBS]}),
    Preset("sham-dbs", "Sham DBS", _DBS_SOURCE, {"sham DBS": [_SHAM_DBS]}),
    Preset(
        "rtms", "rTMS at 10 Hz, daily x 14", "ours; a start to be changed",
        {"rTMS": [_device("rTMS", device_target="PFC", frequency_hz=10, hours_per_day=0.25)]},
    ),
    Preset(
        "tdcs", "tDCS, 200 uA, 20 min twice a day, 5 days", "Pedron et al., Neuropsychopharmacology 39, 981 (2014)",
        {"tDCS": [_device("tDCS", 5, device_target="PFC", frequency_hz=0, current_ua=200, hours_per_day=0.67)]},
    ),
    Preset("ssri-dbs", "Fluoxetine 10 mg/kg and DBS", f"fluoxetine ours; {_DBS_SOURCE}", {"fluoxetine + DBS": [_FLUOXETINE, _DBS]}),
    Preset(
        "two-by-two", "2 x 2: fluoxetine or vehicle, DBS or sham (four arms)", f"fluoxetine ours; {_DBS_SOURCE}",
        {
            "vehicle + sham": [_SALINE, _SHAM_DBS], "fluoxetine + sham": [_FLUOXETINE, _SHAM_DBS],
            "vehicle + DBS": [_SALINE, _DBS], "fluoxetine + DBS": [_FLUOXETINE, _DBS],
        },
    ),
)  # fmt: skip


def preset_named(name: str) -> Preset | None:
    """Return the preset of this name, if there is one."""
    return next((one for one in PRESETS if one.name == name), None)
