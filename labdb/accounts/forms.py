"""The forms of accounts."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError

from labdb.accounts.bench_pin import LONGEST, SHORTEST, problem_with
from labdb.accounts.changes import keeping_managers, one_time_password
from labdb.accounts.models import Role, User
from labdb.registry.entry_fields import dress
from labdb.registry.form_fields import REQUIRED, TextField, form_field_for

LONGEST_REASON = 300
ADVICE = "Long rather than strange: at least 8 characters, no common password, nothing like the names."


def dressed(form: Any) -> Any:
    """Return a form whose fields look as those of records do; for a page, after the form was checked."""
    for bound in form:
        dress(bound)
    return form


class PasswordKind:
    """How an account gets its password."""

    ONE_TIME, TYPED, NONE = "one-time", "typed", "none"
    CHOICES = [
        (ONE_TIME, "a one-time password, shown once after saving"),
        (TYPED, "one that I type"),
        (NONE, "none: a script that signs in with a REST token"),
    ]


class AccountForm(forms.ModelForm):
    """Names and roles of an account; there is no e-mail.

    Parameters
    ----------
    actor : User
        Only an administrator makes administrators.
    """

    groups = forms.ModelMultipleChoiceField(
        Role.objects.all(),
        required=False,
        label="roles in every study",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "There is no role %(value)s; choose from those shown."},
        help_text="A role in one study is given on the account's page.",
    )

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "groups", "is_superuser"]

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False  # the server's own sentence, not the browser's
        for name in ("username", "first_name", "last_name"):
            self.fields[name] = form_field_for(User._meta.get_field(name))  # type: ignore[assignment]
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "autocomplete": "off"}
        if not actor.is_superuser:
            del self.fields["is_superuser"]

    def save(self, commit: bool = True) -> User:
        """Save the names and roles, and nothing else that the person or another manager changed meanwhile."""
        person: User = self.instance
        if "is_superuser" in self.cleaned_data:
            person.is_staff = person.is_superuser  # the admin is theirs, and nobody else's
        if person.pk is None:
            return super().save(commit)
        with keeping_managers():
            person.save(update_fields=["username", "first_name", "last_name", "is_superuser", "is_staff"])
            self._save_m2m()  # type: ignore[attr-defined]
        return person


class PasswordForm(forms.Form):
    """Which password an account gets; `person` is set before it is checked, for a password must not be like a name."""

    kind = forms.ChoiceField(
        label="password",
        choices=PasswordKind.CHOICES,
        initial=PasswordKind.ONE_TIME,
        widget=forms.RadioSelect,
        error_messages={
            "required": REQUIRED,
            "invalid_choice": "%(value)s is no kind of password; choose one of these.",
        },
    )
    password = forms.CharField(
        label="the password, where you type it",
        required=False,
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=ADVICE,
    )
    must_change = forms.BooleanField(
        label="must be changed at the first sign-in",
        required=False,
        initial=True,
        help_text="So that nobody but its owner knows it. A one-time password must be changed in any case.",
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False
        self.person = person

    def clean(self) -> dict[str, Any]:
        """Hold a typed password to the rules for passwords."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == PasswordKind.TYPED and "password" in cleaned:
            if not cleaned["password"]:
                self.add_error("password", REQUIRED)
            else:
                try:
                    password_validation.validate_password(cleaned["password"], self.person)
                except ValidationError as error:
                    self.add_error("password", error)
        return cleaned

    def chosen(self) -> tuple[str | None, bool]:
        """Return the password (None for no password) and whether it must be changed."""
        kind = self.cleaned_data["kind"]
        if kind == PasswordKind.NONE:
            return None, False
        if kind == PasswordKind.TYPED:
            return self.cleaned_data["password"], self.cleaned_data["must_change"]
        return one_time_password(), True

    @property
    def is_one_time(self) -> bool:
        """Whether the password must be shown, for nobody knows it yet."""
        return self.cleaned_data["kind"] == PasswordKind.ONE_TIME


class ReasonForm(forms.Form):
    """Why an account is closed."""

    reason = TextField(
        label="why it is closed",
        longest=LONGEST_REASON,
        help_text="The history keeps it, such as: left the laboratory.",
    )


def own_password(help_text: str = "") -> forms.CharField:
    """Return the field of one's own password, once more: a session may be open on someone else's desk."""
    return forms.CharField(
        label="your password",
        strip=False,
        max_length=200,
        error_messages={"required": REQUIRED},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=help_text,
    )


class PinForm(forms.Form):
    """One's own PIN for the bench, for which the password is asked."""

    password = own_password()
    pin = forms.CharField(
        label="new PIN",
        error_messages={"required": REQUIRED},
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric", "maxlength": LONGEST}),
        help_text=f"{SHORTEST} to {LONGEST} digits, not all the same or in a row.",
    )
    again = forms.CharField(
        label="new PIN, once more",
        error_messages={"required": REQUIRED},
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric", "maxlength": LONGEST}),
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False
        self.person = person

    def clean_password(self) -> str:
        """Refuse whoever does not know the password."""
        password: str = self.cleaned_data["password"]
        if not self.person.check_password(password):
            raise ValidationError("That is not your password; type the one you sign in with.")
        return password

    def clean_pin(self) -> str:
        """Refuse what is no PIN, or one that anybody would guess."""
        pin: str = self.cleaned_data["pin"]
        if problem := problem_with(pin):
            raise ValidationError(problem)
        return pin

    def clean_again(self) -> str:
        """Refuse a PIN that was mistyped."""
        again: str = self.cleaned_data["again"]
        if "pin" in self.cleaned_data and again != self.cleaned_data["pin"]:
            raise ValidationError("The two PINs differ; type the same twice.")
        return again


class OwnPasswordForm(PasswordChangeForm):
    """The change of one's own password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False
        self.fields["new_password1"].help_text = ADVICE
        self.fields["new_password2"].help_text = ""
        self.fields["new_password2"].label = "New password, once more"
        for field in self.fields.values():
            field.error_messages["required"] = REQUIRED

    def clean(self) -> dict[str, Any]:
        """Refuse the password that the account has: one that someone else knows would stay."""
        cleaned = super().clean() or self.cleaned_data
        new = cleaned.get("new_password1")
        if new and self.user.check_password(new):
            self.add_error("new_password1", "That is the password you have now; choose another.")
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Store the password; it is now known to its owner alone."""
        self.user.must_change_password = False
        return super().save(commit)
