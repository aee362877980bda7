"""How journalists write texts down: waits as people say them, pictures to look at, texts in order."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache
from itertools import count
from unicodedata import category

from django import forms
from django.conf import settings
from django.contrib.admin.widgets import AdminFileWidget
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.forms.formsets import ORDERING_FIELD_NAME
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from . import publishing
from .fetching import link_problems
from .media import phone_picture
from .models import Story, StoryText
from .quiet import OFF
from .turns import (
    TURN_FIELDS,
    Choice,
    Follows,
    Turn,
    choices_in_words,
    parse_answer_time,
    parse_choices,
    parse_keeps,
    parse_label,
    parse_name,
)
from .waits import WORDS_MAX_LENGTH, Wait, delay_in_words, parse_wait, wait_in_words

# The button that publishes what it saves.
PUBLISH = "_publish"
# The one that leads on to the page from which the saved story is texted to its writer.
REHEARSE = "_rehearse"
# Letters and signs by their category that show nothing: the Hangul fillers and the empty Braille pattern.
FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
UNSEEN_TITLE = "Nobody can see this title: its characters are all invisible. Write one in letters."


def can_be_seen(words: str) -> bool:
    """Tell whether any of the characters is a letter, a digit, a mark or a sign that shows."""
    return any(category(character)[0] in "LNPS" and character not in FILLERS for character in words)


class WaitField(forms.CharField):
    """When a text comes, as people say it: "2 hours", "next day at 8:00"; empty is right away. Cleans to a Wait."""

    def to_python(self, value) -> Wait:
        return value if isinstance(value, Wait) else parse_wait(super().to_python(value))

    def prepare_value(self, value):
        return wait_in_words(value) if isinstance(value, Wait) else value


class HelpedAboveField(forms.BoundField):
    """A field whose help stands once above all texts; where it was refused, the reason is read out with it."""

    @property
    def aria_describedby(self) -> str:
        return f"texts-help {self.auto_id}_error" if self.errors else "texts-help"


class WordsField(forms.CharField):
    """Words of several lines; line ends are those of phones, not those of forms."""

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n").replace("\r", "\n")


class LineField(forms.CharField):
    """Words on one line, however they were pasted."""

    def to_python(self, value):
        return " ".join(super().to_python(value).split())


class NameField(LineField):
    """A word or two by which texts and answers are named; `parse` says which can be."""

    def __init__(self, *, parse: Callable[[str], str] = parse_name, **kwargs):
        self.parse = parse
        super().__init__(**kwargs)

    def to_python(self, value) -> str:
        words = super().to_python(value)
        return self.parse(words) if words else ""


class FollowsField(forms.ChoiceField):
    """What follows a text; where nothing is said, the next one."""

    def to_python(self, value) -> str:
        return super().to_python(value) or Follows.NEXT


class ChoicesField(forms.CharField):
    """The answers that a text takes, each on a line. Cleans to Choices."""

    widget = forms.Textarea

    def to_python(self, value) -> tuple[Choice, ...]:
        return value if isinstance(value, tuple) else parse_choices(super().to_python(value))

    def prepare_value(self, value):
        return choices_in_words(value) if isinstance(value, tuple) else value


class AnswerTimeField(forms.CharField):
    """How long an answer is waited for, as people say it; nothing is as long as it takes."""

    def to_python(self, value) -> timedelta | None:
        words = "" if isinstance(value, timedelta) else super().to_python(value)
        return parse_answer_time(words) if words else value or None

    def prepare_value(self, value):
        return delay_in_words(value) if isinstance(value, timedelta) else value


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
    refusal = ""  # why nothing may be saved, however right it is

    class Meta:
        field_classes = {"summary": WordsField, "closing": WordsField}
        error_messages = {
            "slug": {"invalid": "An address has letters without accents, digits and hyphens, nothing else."}
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "quiet" in self.fields:
            self.fields["quiet"].widget.attrs["placeholder"] = str(settings.QUIET_HOURS or OFF)

    def clean_title(self) -> str:
        title = self.cleaned_data["title"]
        if not can_be_seen(title):
            raise ValidationError(UNSEEN_TITLE)
        return title

    def clean(self):
        """Give a story an address: a new one, whose address was made from its title, steps aside where it is taken."""
        cleaned = super().clean()
        if self.refusal:
            self.add_error(None, self.refusal)
        slug = cleaned.get("slug")
        if "slug" in cleaned and (not slug or self.instance.pk is None):
            self.instance.title = cleaned.get("title", "")
            cleaned["slug"] = self.instance.free_slug(slug)
        return cleaned


class TextForm(forms.ModelForm):
    body = WordsField(
        label="Text",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    wait = WaitField(
        label="When",
        required=False,
        widget=forms.TextInput(
            attrs={"list": "wait-suggestions", "maxlength": WORDS_MAX_LENGTH, "autocomplete": "off"}
        ),
        bound_field_class=HelpedAboveField,
    )

    label = NameField(required=False, parse=parse_label)
    follows = FollowsField(label="Then", required=False, choices=Follows.choices, initial=Follows.NEXT)
    leads_to = NameField(required=False)
    choices = ChoicesField(label="Answers", required=False, initial=())
    keeps = NameField(required=False, parse=parse_keeps)
    answer_within = AnswerTimeField(required=False)

    class Meta:
        model = StoryText
        fields = ["body", "wait", "media", "media_url", "alt", "label", *TURN_FIELDS]
        field_classes = {"media": PictureField, "media_url": PictureLinkField, "hint": LineField, "reminder": LineField}
        widgets = {
            "media": PictureInput(attrs={"accept": "image/jpeg,image/png,image/gif"}),
            "media_url": forms.URLInput(attrs={"placeholder": "https://"}),
        }
        labels = {"media": "Upload", "media_url": "or link", "alt": "Picture in words"}

    def __init__(self, *args, link_problems: dict[str, str] | None = None, **kwargs):
        """`link_problems` are what `look_at_pictures` found out about the form's new links."""
        super().__init__(*args, **kwargs)
        self.link_problems = link_problems or {}
        self.initial.setdefault("wait", self.instance.wait)

    def clean_media(self):
        """Take a picture that is stored already by its name."""
        return getattr(self.cleaned_data["media"], "stored_as", "") or self.cleaned_data["media"]

    def clean_media_url(self) -> str:
        link = self.cleaned_data["media_url"]
        if link in self.link_problems:
            raise ValidationError(self.link_problems[link])
        return link

    def clean(self):
        cleaned = super().clean()
        if "wait" in cleaned:
            self.instance.wait = cleaned["wait"]
        return cleaned | self.clean_turn(cleaned)

    def turn_values(self) -> dict[str, str]:
        """Return what stands in the fields of every text that say what follows it, and what it is called."""
        return self.values_of(("label", "follows", "leads_to"))

    def question_values(self) -> dict[str, str]:
        """Return what stands in the fields of a text that asks."""
        return self.values_of(TURN_FIELDS)

    def values_of(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self[name].value() or "" for name in names}

    def follows_options(self) -> SafeString:
        return follows_options(self["follows"].value())

    def clean_turn(self, cleaned: dict) -> dict:
        """Return what follows the text; nobody is told of what is wrong where it has no meaning, nor is it kept."""
        follows = cleaned.get("follows")
        meant = {Follows.ANSWER: set(TURN_FIELDS) - {"leads_to"}, Follows.LEAD: {"follows", "leads_to"}}
        for name in set(TURN_FIELDS) - meant.get(follows, {"follows"}):
            self.errors.pop(name, None)
        said = {name: cleaned[name] for name in TURN_FIELDS if name in cleaned}
        turn = Turn(**said).cleaned()
        return {name: getattr(turn, name) for name in TURN_FIELDS if name not in self.errors}

    def problems(self, *, files: bool = True) -> list[str]:
        """Return why the carrier would not take the text as it was typed; `files` are those of text_problems()."""
        problems = publishing.text_problems(self.instance, files=files)
        # Whoever chose a picture that cannot be sent is told so, and not to choose one.
        chose = bool(self.errors.keys() & {"media", "media_url"})
        return [problem for problem in problems if not (chose and problem == publishing.EMPTY)]

    @property
    def changed_data(self) -> list[str]:
        # Where it stands is no reason to save a text again, nor to ask for the words of a blank one.
        return [name for name in super().changed_data if name != ORDERING_FIELD_NAME]


@cache
def follows_options(chosen: str | None) -> SafeString:
    """Return the options of what follows a text, as HTML: drawn for each of 200 texts, they take a while."""
    options = ((value, mark_safe(" selected") if value == chosen else "", words) for value, words in Follows.choices)
    return format_html_join("", '<option value="{}"{}>{}</option>', options)


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


class OwnIdField(forms.Field):
    """The id of a text that is known already."""

    widget = forms.HiddenInput

    def __init__(self, text: StoryText):
        self.text = text
        super().__init__(required=False, initial=text.pk)

    def clean(self, value) -> StoryText:
        return self.text

    def has_changed(self, initial, data) -> bool:
        return False


class TextFormSet(forms.BaseInlineFormSet):
    """A story's texts in the order that the form says, numbered 1…n by every save."""

    ordering_widget = forms.HiddenInput
    reordered = False
    obstacles: list[str] = []  # what keeps the story from becoming, or staying, published

    def add_fields(self, form, index):
        """Look a text up among those that were read at once, rather than in the database by itself."""
        super().add_fields(form, index)
        if form.instance.pk:
            form.fields["id"] = OwnIdField(form.instance)

    @property
    def has_turns(self) -> bool:
        """Whether a text asks, leads elsewhere, or is named for one that does."""
        return any(form["label"].value() or form["follows"].value() not in (None, Follows.NEXT) for form in self.forms)

    def clean(self):
        super().clean()
        deleted = [form.instance.pk for form in self.initial_forms if self._should_delete_form(form)]
        if held := publishing.kept_by_holds(self.instance.texts.filter(pk__in=deleted)) if deleted else []:
            raise ValidationError(held)
        if PUBLISH not in self.data and self.instance.status != Story.Status.PUBLISHED:
            return
        standing = self.standing_forms()
        texts = [form.instance for form in standing]
        problems = publishing.with_turns(texts, [form.problems() for form in standing])
        self.obstacles = publishing.refusals(self.instance, texts, problems)
        for form, of_text in zip(standing, problems, strict=True):
            for problem in of_text:
                form.add_error(None, problem)

    def standing_forms(self) -> list[TextForm]:
        """Return the forms of the texts that the story would have, in the order that the form says."""
        forms = [form for form in self.forms if form.instance.pk or form.has_changed()]
        forms = [form for form in forms if not (self.can_delete and self._should_delete_form(form))]
        return sorted(forms, key=lambda form: form.cleaned_data.get(ORDERING_FIELD_NAME) or float("inf"))

    def is_valid(self):
        return super().is_valid() and not self.obstacles

    def save_new(self, form, commit=True):
        form.instance.position = next(self.free_positions)
        return super().save_new(form, commit)

    @cached_property
    def free_positions(self) -> Iterator[int]:
        """Positions are unique at every moment: new texts first stand behind all others."""
        last = self.instance.texts.aggregate(last=Max("position"))["last"] or 0
        return count(last + 1)

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
