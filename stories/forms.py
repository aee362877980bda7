"""How journalists write texts down: delays as people say them, pictures to look at, texts in order."""

from datetime import timedelta

from django import forms
from django.contrib.admin.widgets import AdminFileWidget
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.forms.formsets import ORDERING_FIELD_NAME
from django.utils import timezone
from humanize import precisedelta
from pytimeparse import parse

from . import publishing
from .media import NO_PICTURE
from .models import Story, StoryText

AT_ONCE = "right away"
AT_ONCE_WORDS = {"", "0", AT_ONCE, "at once", "immediately", "now"}
DELAY_SUGGESTIONS = [
    AT_ONCE,
    "30 seconds",
    "5 minutes",
    "45 minutes",
    "2 hours",
    "2 hours and 30 minutes",
    "1 day",
    "1 day and 6 hours",
    "3 days",
    "1 week",
]
DELAY_MAX = timedelta(days=3650)
# The button that publishes what it saves.
PUBLISH = "_publish"


def delay_in_words(delay: timedelta) -> str:
    """Return a delay as DelayField reads it: "right away", "2 hours and 30 minutes"."""
    return precisedelta(delay, suppress=["months", "years"], format="%.10g") if delay else AT_ONCE


class DelayField(forms.DurationField):
    """A delay as people say it: "2 hours", "1 day and 6 hours", "90 s"; empty is right away."""

    widget = forms.TextInput
    default_error_messages = {
        "invalid": "“%(value)s” is not understood; write numbers and units, such as “2 hours” or “1 day 6 hours”.",
        "unit": "%(value)s of what? Add a unit, such as “%(value)s minutes” or “%(value)s hours”.",
        "colon": "Write “1 hour 30 minutes” rather than 1:30; a time of day belongs into the field beside it.",
        "negative": "A text cannot come before the one it follows; write a delay without a minus.",
        "overflow": "That is more than ten years; choose a shorter delay.",
    }

    def to_python(self, value) -> timedelta:
        if value is None or isinstance(value, timedelta):
            return value or timedelta(0)
        words = " ".join(str(value).lower().split())
        if words in AT_ONCE_WORDS:
            return timedelta(0)
        for code, wrong in (
            ("negative", words.startswith(("-", "−", "–"))),
            ("colon", ":" in words),
            ("unit", is_bare_number(words)),
        ):
            if wrong:
                raise self.error(code, value)
        # humanize writes "and", which pytimeparse does not read.
        seconds = parse(" ".join(word for word in words.replace(",", " , ").split() if word != "and"))
        if seconds is None:
            raise self.error("invalid", value)
        if seconds > DELAY_MAX.total_seconds():
            raise self.error("overflow", value)
        return timedelta(seconds=round(seconds, 3))

    def prepare_value(self, value):
        return delay_in_words(value) if isinstance(value, timedelta) else value

    def error(self, code: str, value: str) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"value": str(value).strip()})


def is_bare_number(words: str) -> bool:
    try:
        float(words)
    except ValueError:
        return False
    return True


class BodyField(forms.CharField):
    """What a text says; line ends are those of phones, not those of forms."""

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n").replace("\r", "\n")


class PictureLinkField(forms.URLField):
    """The address of a picture; one typed without a scheme is an https one."""

    def __init__(self, **kwargs):
        super().__init__(assume_scheme="https", **kwargs)


class PictureInput(AdminFileWidget):
    """Choose a picture, seeing the one that is there."""

    template_name = "stories/picture_input.html"


class StoryForm(forms.ModelForm):
    class Meta:
        error_messages = {
            "slug": {"invalid": "An address has letters without accents, digits and hyphens, nothing else."}
        }

    def clean(self):
        """Give a story an address: a new one, whose address was made from its title, steps aside where it is taken."""
        cleaned = super().clean()
        slug = cleaned.get("slug")
        if "slug" in cleaned and (not slug or self.instance.pk is None):
            self.instance.title = cleaned.get("title", "")
            cleaned["slug"] = self.instance.free_slug(slug)
        return cleaned


class TextForm(forms.ModelForm):
    body = BodyField(
        label="Text",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    delay = DelayField(
        label="Delay",
        required=False,
        initial=timedelta(0),
        widget=forms.TextInput(
            attrs={"list": "delay-suggestions", "autocomplete": "off", "aria-describedby": "texts-help"}
        ),
    )
    at = forms.TimeField(
        label="At",
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "aria-describedby": "texts-help"}),
    )

    class Meta:
        model = StoryText
        fields = ["body", "delay", "at", "media", "media_url"]
        field_classes = {"media_url": PictureLinkField}
        widgets = {
            "media": PictureInput(attrs={"accept": "image/jpeg,image/png,image/gif"}),
            "media_url": forms.URLInput(attrs={"placeholder": "https://"}),
        }
        labels = {"media": "Upload", "media_url": "or link"}
        help_texts = {"media": "", "media_url": ""}
        error_messages = {"media": {"invalid_image": NO_PICTURE}}

    @property
    def changed_data(self) -> list[str]:
        # Where it stands is no reason to save a text again, nor to ask for the words of a blank one.
        return [name for name in super().changed_data if name != ORDERING_FIELD_NAME]


class TextFormSet(forms.BaseInlineFormSet):
    """A story's texts in the order that the form says, numbered 1…n by every save."""

    ordering_widget = forms.HiddenInput
    reordered = False
    obstacles: list[str] = []  # what keeps the story from becoming, or staying, published

    def clean(self):
        super().clean()
        if PUBLISH not in self.data and self.instance.status != Story.Status.PUBLISHED:
            return
        standing = self.standing_forms()
        self.obstacles = publishing.refusals(self.instance, [form.instance for form in standing])
        for form in standing:
            for problem in publishing.text_problems(form.instance):
                form.add_error(None, problem)

    def standing_forms(self) -> list["TextForm"]:
        """Return the forms of the texts that the story would have, in the order that the form says."""
        forms = [form for form in self.forms if form.instance.pk or form.has_changed()]
        forms = [form for form in forms if not (self.can_delete and self._should_delete_form(form))]
        return sorted(forms, key=lambda form: form.cleaned_data.get(ORDERING_FIELD_NAME) or float("inf"))

    def is_valid(self):
        return super().is_valid() and not self.obstacles

    def save_new(self, form, commit=True):
        # Positions are unique at every moment: a new text first stands behind all others.
        last = self.instance.texts.aggregate(last=Max("position"))["last"] or 0
        form.instance.position = last + 1
        return super().save_new(form, commit)

    def save(self, commit=True):
        saved = super().save(commit)
        if commit:
            self.arrange()
        return saved

    def arrange(self) -> None:
        """Put the texts in the form's order; those that somebody else has added meanwhile stay, at the end."""
        positions = dict(self.instance.texts.order_by("position").values_list("pk", "position"))
        wanted = [form.instance.pk for form in self.ordered_forms] if self.can_order else []
        order = [pk for pk in wanted if pk in positions] + [pk for pk in positions if pk not in wanted]
        self.reordered = order != list(positions)
        if list(enumerate(order, start=1)) != [(position, pk) for pk, position in positions.items()]:
            self.instance.arrange(order, timezone.now())

    @property
    def texts_changed(self) -> bool:
        """Whether the save has changed anything about the texts that readers could notice."""
        return bool(self.new_objects or self.changed_objects or self.deleted_objects or self.reordered)
