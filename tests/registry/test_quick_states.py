"""A new model in a migration is built by itself; what refers to it knows it all the same."""

from django.db import models
from django.db.migrations import AddField, CreateModel
from django.db.migrations.state import ProjectState

from labdb.registry.quick_states import quick_states


def cage(name: str) -> CreateModel:
    return CreateModel(name, [("id", models.BigAutoField(primary_key=True)), ("code", models.CharField(max_length=9))])


def inhabitant(name: str, of: str) -> CreateModel:
    key = models.ForeignKey(of, models.CASCADE, related_name="inhabitants")
    return CreateModel(name, [("id", models.BigAutoField(primary_key=True)), ("cage", key)])


def test_the_model_that_a_new_one_refers_to_stays_and_knows_the_way_back():
    state = ProjectState()
    cage("Cage").state_forwards("vivarium", state)
    before = state.apps.get_model("vivarium", "Cage")
    with quick_states():
        inhabitant("Mouse", "vivarium.Cage").state_forwards("vivarium", state)
    mouse = state.apps.get_model("vivarium", "Mouse")
    assert state.apps.get_model("vivarium", "Cage") is before
    assert mouse._meta.get_field("cage").related_model is before
    assert before._meta.get_field("inhabitants").related_model is mouse


def test_a_model_that_waits_for_another_finds_it():
    state = ProjectState()
    assert state.apps is not None
    with quick_states():
        inhabitant("Mouse", "vivarium.Cage").state_forwards("vivarium", state)
        cage("Cage").state_forwards("vivarium", state)
    mouse = state.apps.get_model("vivarium", "Mouse")
    assert mouse._meta.get_field("cage").related_model is state.apps.get_model("vivarium", "Cage")


def test_only_the_altered_model_is_built_anew_until_a_step_runs_python():
    state = ProjectState()
    cage("Cage").state_forwards("vivarium", state)
    assert state.apps is not None
    with quick_states():
        inhabitant("Mouse", "vivarium.Cage").state_forwards("vivarium", state)
        mouse = state.apps.get_model("vivarium", "Mouse")
        AddField("Cage", "rack", models.CharField(max_length=9)).state_forwards("vivarium", state)
        assert state.apps.get_model("vivarium", "Mouse") is mouse
        assert field_names(state.apps.get_model("vivarium", "Cage")) == ["id", "code", "rack"]
        state.clear_delayed_apps_cache()  # as RunPython does
    altered = state.apps.get_model("vivarium", "Mouse")._meta.get_field("cage").related_model
    assert altered is state.apps.get_model("vivarium", "Cage")
    assert field_names(altered) == ["id", "code", "rack"]


def test_a_key_added_later_knows_its_way_back():
    state = ProjectState()
    cage("Cage").state_forwards("vivarium", state)
    cage("Rack").state_forwards("vivarium", state)
    assert state.apps is not None
    with quick_states():
        key = models.ForeignKey("vivarium.Rack", models.CASCADE, related_name="cages", null=True)
        AddField("Cage", "rack", key).state_forwards("vivarium", state)
    rack = state.apps.get_model("vivarium", "Rack")
    assert rack._meta.get_field("cages").related_model is state.apps.get_model("vivarium", "Cage")


def field_names(model: type[models.Model]) -> list[str]:
    return [field.name for field in model._meta.fields]
