from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Subquery

RESULTS = ("signaturereversal", "mousereversalscore")


def keep_names(apps: Any, schema_editor: Any) -> None:
    """Write the name of each result's arm into the result."""
    arms = apps.get_model("treatment", "TreatmentArm").objects
    for name in RESULTS:
        named = arms.filter(pk=OuterRef("arm_id")).values("name")[:1]
        apps.get_model("analysis", name).objects.update(arm_name=Subquery(named))


class Migration(migrations.Migration):
    """A result says what its arm was called when it was computed: a letter, where the study was blinded."""

    dependencies = [("analysis", "0002_phenotype_intervals"), ("treatment", "0001_initial")]

    operations = [
        *(migrations.AddField(name, "arm_name", models.CharField(max_length=50, default="")) for name in RESULTS),
        migrations.RunPython(keep_names, migrations.RunPython.noop),
        migrations.RemoveConstraint("mousereversalscore", "mouse_reversal_score_once"),
        *(migrations.RemoveField(name, "arm") for name in RESULTS),
        *(migrations.RenameField(name, "arm_name", "arm") for name in RESULTS),
        migrations.AlterField(
            "signaturereversal",
            "arm",
            models.CharField(
                help_text="As it was called when it was computed: a letter if blinded.", max_length=50
            ),
        ),
        migrations.AlterField(
            "mousereversalscore",
            "arm",
            models.CharField(
                help_text="The treated arm of the comparison; controls and susceptible mice get a score in each.",
                max_length=50,
            ),
        ),
        migrations.AddConstraint(
            "mousereversalscore",
            models.UniqueConstraint(fields=("run", "library", "arm"), name="mouse_reversal_score_once"),
        ),
    ]
