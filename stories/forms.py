"""How journalists write texts down: delays as people say them, pictures to look at, texts in order."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import timedelta

from django import forms
from django.contrib.admin.widgets import AdminFileWidget
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Max
from django.forms.formsets import ORDERING_FIELD_NAME
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from humanize import precisedelta
from pytimeparse import parse

from .fetching import link_problems
from .media import phone_picture
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


class PictureField(forms.FileField):
    """A picture, which comes out as phones get it."""

    def to_python(self, data):
        file = super().to_python(data)
        return phone_picture(file) if file else None


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
        fields = ["body", "delay", "at", "media", "media_url", "alt"]
        field_classes = {"media": PictureField, "media_url": PictureLinkField}
        widgets = {
            "media": PictureInput(attrs={"accept": "image/jpeg,image/png,image/gif"}),
            "media_url": forms.URLInput(attrs={"placeholder": "https://"}),
        }
        labels = {"media": "Upload", "media_url": "or link", "alt": "Picture in words"}

    def __init__(self, *args, link_problems: dict[str, str] | None = None, **kwargs):
        """`link_problems` are what `look_at_pictures` found out about the form's new links."""
        super().__init__(*args, **kwargs)
        self.link_problems = link_problems or {}

    def full_clean(self):
        super().full_clean()
        # Whoever chose a picture that cannot be sent is told so, and not to choose one.
        if self.errors.keys() & {"media", "media_url"}:
            self.errors.pop(NON_FIELD_ERRORS, None)

    def clean_media_url(self) -> str:
        link = self.cleaned_data["media_url"]
        if link in self.link_problems:
            raise ValidationError(self.link_problems[link])
        return link

    @property
    def changed_data(self) -> list[str]:
        # Where it stands is no reason to save a text again, nor to ask for the words of a blank one.
        return [name for name in super().changed_data if name != ORDERING_FIELD_NAME]


def look_at_pictures(data: QueryDict, files: MultiValueDict, known: Collection[str]) -> dict[str, str]:
    """Do what takes long about the pictures of a posted form of texts: call it before a transaction begins.

    Uploads that can be sent become in `files` what phones get. Links that are not among the `known` are fetched;
    return what is wrong with them, by link, for TextForm.
    """
    for name, file in files.items():
        with suppress(ValidationError):  # The form then says it at its field.
            files[name] = phone_picture(file)
    return link_problems(set(posted_links(data)) - set(known))


def posted_links(data: QueryDict) -> Iterator[str]:
    """Yield the links to pictures in a posted form of texts, as the form reads them."""
    for name, value in data.items():
        if name.endswith("-media_url"):
            with suppress(ValidationError):
                yield PictureLinkField().clean(value)


class TextFormSet(forms.BaseInlineFormSet):
    """A story's texts in the order that the form says, numbered 1…n by every save."""

    ordering_widget = forms.HiddenInput
    reordered = False

    def clean(self):
        super().clean()
        if any(self.errors) or self.instance.status != Story.Status.PUBLISHED:
            return
        standing = [form for form in self.forms if form.instance.pk or form.has_changed()]
        if not any(form not in self.deleted_forms for form in standing):
            raise ValidationError("A published story needs at least one text. Write one, or keep the story a draft.")

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
