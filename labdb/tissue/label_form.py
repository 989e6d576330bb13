"""What is asked for labels: the stock, where the sheet begins, how far the printer pulls aside; or a stock of one's own."""

from typing import Any

from django import forms

from labdb.tissue.label_sheets import SHEETS_MM, STOCKS, LabelError, Stock, check_start

CUSTOM = "custom"
MOST_SHIFT_MM = 10.0
LARGEST_MM = 300.0


def _size(label: str) -> forms.FloatField:
    return forms.FloatField(label=label, required=False, min_value=0.0, max_value=LARGEST_MM)


class LabelForm(forms.Form):
    """The sheet that labels are printed on."""

    stock = forms.ChoiceField(
        choices=[*((name, stock.words) for name, stock in STOCKS.items()), (CUSTOM, "another size: as entered below")],
        error_messages={"invalid_choice": "%(value)s is no label stock that is known; choose one of the list."},
    )
    start = forms.IntegerField(label="First label")
    shift_x_mm = forms.FloatField(
        label="Shift right (mm)", required=False, min_value=-MOST_SHIFT_MM, max_value=MOST_SHIFT_MM
    )
    shift_y_mm = forms.FloatField(
        label="Shift down (mm)", required=False, min_value=-MOST_SHIFT_MM, max_value=MOST_SHIFT_MM
    )
    sheet = forms.ChoiceField(label="Paper", required=False, choices=[(name, name) for name in SHEETS_MM])
    width_mm = _size("Width (mm)")
    height_mm = _size("Height (mm)")
    columns = forms.IntegerField(label="Columns", required=False)
    rows = forms.IntegerField(label="Rows", required=False)
    gap_x_mm = _size("Gap between columns (mm)")
    gap_y_mm = _size("Gap between rows (mm)")

    OWN = ("sheet", "width_mm", "height_mm", "columns", "rows", "gap_x_mm", "gap_y_mm")
    NEEDED = ("sheet", "width_mm", "height_mm", "columns", "rows")

    def clean(self) -> dict[str, Any]:
        """Make the stock; what the paper cannot hold is said in one sentence."""
        said = super().clean() or {}
        if self.errors:
            return said
        try:
            said["made"] = self._stock(said)
            check_start(said["made"], said["start"])
        except LabelError as error:
            self.add_error(None, str(error))
        return said

    def _stock(self, said: dict[str, Any]) -> Stock:
        if said["stock"] != CUSTOM:
            return STOCKS[said["stock"]]
        lacking = [str(self.fields[name].label) for name in self.NEEDED if said.get(name) in (None, "")]
        if lacking:
            raise LabelError(
                f"Labels of another size need {', '.join(lacking)}; enter {'it' if len(lacking) == 1 else 'them'}."
            )
        facts: dict[str, Any] = {name: said.get(name) or 0 for name in self.OWN}
        return Stock("custom", **facts)

    @property
    def sentences(self) -> list[str]:
        """What is wrong, each with the field that it is about."""
        return [
            sentence if name == "__all__" else f"{self.fields[name].label or name.capitalize()}: {sentence}"
            for name, some in self.errors.items()
            for sentence in map(str, some)
        ]

    @property
    def shift_mm(self) -> tuple[float, float]:
        """How far all is moved."""
        return self.cleaned_data.get("shift_x_mm") or 0.0, self.cleaned_data.get("shift_y_mm") or 0.0
