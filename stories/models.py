"""What is written: stories and their texts. Who reads them is none of this app's business."""

import secrets
from datetime import datetime, timedelta
from itertools import chain, count
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.validators import MinValueValidator, RegexValidator, URLValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.text import slugify
from django_q.tasks import async_task

from . import placeholders
from .addresses import carrier_address
from .keywords import KeywordField, refusal
from .media import SUFFIXES, picture_kind, validate_picture
from .phone import Picture
from .prices import Price as Price
from .quiet import OFF, QUIET_PATTERN, QuietHoursField
from .records import Entry, Records
from .turns import NAME_MAX_LENGTH, TURN_FIELDS, WORDS_MAX_LENGTH, ChoicesField, Follows, Turn
from .waits import Wait

# Twilio refuses a longer body (error 21617), with a picture or without. A draft may have one.
BODY_MAX_LENGTH = 1600
SLUG_MAX_LENGTH = 50
# What a closing text may name, besides its own words.
CLOSING_PLACEHOLDERS = ("story", "newsroom", "offers")


class StoryQuerySet(models.QuerySet):
    def published(self) -> Self:
        return self.filter(status=Story.Status.PUBLISHED)

    def readable(self) -> Self:
        """Published, and with at least one text to send."""
        return self.published().filter(models.Exists(StoryText.objects.filter(story=models.OuterRef("pk"))))


class Story(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"  # being written; nobody can start it
        PUBLISHED = "published", "Published"  # readers can start it
        ARCHIVED = "archived", "Archived"  # over; who reads it reads on, nobody starts it

    title = models.CharField(max_length=120, help_text="Readers see it on the story's page.")
    slug = models.SlugField(
        max_length=SLUG_MAX_LENGTH,
        unique=True,
        blank=True,
        help_text="The last part of the story's page address. Leave it empty and it follows the title.",
        error_messages={"unique": "Another story already has this address."},
    )
    keyword = KeywordField(
        max_length=30,
        unique=True,
        null=True,
        blank=True,
        help_text="Readers text this word to start the story. Case and accents do not matter.",
        error_messages={"unique": "Another story already has this keyword."},
    )
    summary = models.TextField(blank=True, help_text="What it is about, for the story's page. One or two sentences.")
    status = models.CharField(
        max_length=10,
        choices=Status,
        default=Status.DRAFT,
        help_text="Only a published story can be started. Who already reads a story reads on in any case.",
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        help_text="How often a reader who texts no keyword gets this story, compared with the others; 0 is never.",
    )
    number = models.CharField(
        max_length=20,
        blank=True,
        validators=[
            RegexValidator(
                r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8})$",
                "This is neither a number such as +14155550100 nor a short code.",
            )
        ],
        help_text="Only who texts this number of ours, such as +14155550100, can start it. Empty: any of our numbers.",
    )
    language = models.CharField(
        max_length=10,
        blank=True,
        validators=[RegexValidator(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$", "A language is written as “de” or “pt-BR”.")],
        help_text="In which language its readers get what the system says by itself, such as “de”, if those texts are "
        "there in it. Empty: the newsroom’s.",
    )
    quiet = QuietHoursField(
        "quiet hours",
        max_length=40,
        blank=True,
        help_text="A text that would come in these hours of its reader’s night comes when they end, unless the reader "
        "has just texted. Empty: as for all stories. “off” for a story that needs the night, or hours of its own, such "
        "as “22:00 to 7:00”.",
    )
    closing = models.TextField(
        "closing text",
        blank=True,
        max_length=1600,
        help_text="Comes a minute after the last text. {offers} in it stands for up to three stories that this reader "
        "has not had, with their keywords: “FERRY (The last ferry)”.",
    )
    authors = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="stories",
        help_text="They see this story and change it, as do all who may see every story.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    reordered_at = models.DateTimeField(
        null=True, editable=False, help_text="When its texts last changed places; empty as long as they never did."
    )

    objects = StoryQuerySet.as_manager()
    history = Records(bases=[Entry], excluded_fields=["created_at", "updated_at", "reordered_at"])

    class Meta:
        verbose_name_plural = "stories"
        ordering = ["title"]
        permissions = [("all_stories", "Can see all stories, not only their own")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "archived"]), name="story_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(quiet__in=["", OFF]) | Q(quiet__regex=QUIET_PATTERN), name="quiet_hours_are_understood"
            ),
        ]

    def __str__(self):
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("story", args=[self.slug])

    def free_slug(self, wanted: str) -> str:
        """Return an address that no other story has: `wanted`, or what the title says, with a number where taken."""
        wanted = wanted or slugify(self.title) or "story"
        taken = set(Story.objects.exclude(pk=self.pk).values_list("slug", flat=True))
        slugs = chain([wanted[:SLUG_MAX_LENGTH]], (f"{wanted[: SLUG_MAX_LENGTH - 6]}-{n}" for n in count(2)))
        return next(slug for slug in slugs if slug not in taken)

    def clean(self):
        if reason := placeholders.refusal(self.closing, CLOSING_PLACEHOLDERS):
            raise ValidationError({"closing": reason})
        if reason := refusal(self.keyword):
            raise ValidationError({"keyword": reason})

    def arrange(self, ordered_ids: list[int], now: datetime) -> None:
        """Number this story's texts 1…n in the order of their ids; texts that are not named are to be gone."""
        with transaction.atomic():
            before = [pk for pk in self.texts.order_by("position").values_list("pk", flat=True) if pk in ordered_ids]
            # The numbers are unique at every moment, so the texts first step out of each other's way.
            self.texts.update(position=F("position") + 1_000_000)
            texts = self.texts.in_bulk(ordered_ids)
            for position, pk in enumerate(ordered_ids, start=1):
                texts[pk].position = position
            self.texts.bulk_update(texts.values(), ["position"])
            if before != ordered_ids:
                self.reordered_at = now
                self.save(update_fields=["reordered_at"])

    def revised(self) -> None:
        """Have the readers who wait for a text of this story follow its texts as they now stand.

        Call it in the transaction that changed the texts; the work is done by the cluster after the commit.
        """
        async_task(settings.STORY_REVISED_TASK, self.pk)


def picture_path(text: "StoryText", filename: str) -> str:
    return new_picture_name(text.media.file)


def new_picture_name(picture: File) -> str:
    """Where an uploaded picture is kept: an address that cannot be guessed, named for what the file contains."""
    return f"pictures/{secrets.token_urlsafe(12)}{SUFFIXES[picture_kind(picture)]}"


class StoryText(models.Model):
    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="texts")
    position = models.PositiveIntegerField(editable=False)
    body = models.TextField("text", blank=True)
    media = models.ImageField(
        "picture",
        upload_to=picture_path,
        blank=True,
        validators=[validate_picture],
        help_text="JPEG, PNG or GIF. It is turned upright, made small enough for every phone, and freed from what the "
        "camera wrote into it, such as the place.",
    )
    media_url = models.URLField(
        "picture link",
        max_length=500,
        blank=True,
        # With a code of its own, or the form would say in other words that the link is none.
        validators=[
            URLValidator(["http", "https"], message="A picture's link begins with https:// or http://.", code="scheme")
        ],
        help_text="Instead of an upload: the address of a picture, 5 MB at most. Readers get it from there, as it then "
        "is, so it has to stay there.",
    )
    alt = models.CharField(
        "picture in words",
        max_length=200,
        blank=True,
        help_text="What the picture shows, in a sentence, for those who cannot see it: our pages read it out. Phones "
        "do not get it, so what the story needs belongs into the text as well.",
    )
    delay = models.DurationField(
        default=timedelta(0),
        validators=[MinValueValidator(timedelta(0), "A text cannot come before the one it follows.")],
        help_text="How long after the text before; for the first text, after the reader's own.",
    )
    at = models.TimeField(
        "at",
        null=True,
        blank=True,
        help_text="Optional: wait on until a clock at the reader's place shows this time.",
    )
    days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Optional: at that time on the reader's first, second … day after the one of the text before.",
    )
    label = models.CharField(
        "name",
        max_length=NAME_MAX_LENGTH,
        blank=True,
        help_text="By this name, answers and other texts lead here.",
    )
    follows = models.CharField("then", max_length=6, choices=Follows, default=Follows.NEXT)
    leads_to = models.CharField("leads to", max_length=NAME_MAX_LENGTH, blank=True)
    choices = ChoicesField("answers")
    hint = models.TextField(blank=True, help_text="What an answer gets that is none of these, at most twice.")
    keeps = models.CharField(
        "keeps the answer as",
        max_length=NAME_MAX_LENGTH,
        blank=True,
        help_text="Later texts can use it: {name|friend} is what was kept as “name”, or “friend” where nothing was.",
    )
    answer_within = models.DurationField("without an answer, after", null=True, blank=True)
    default_answer = models.CharField("it takes", max_length=WORDS_MAX_LENGTH, blank=True)
    reminder = models.TextField("or reminds", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # The order is kept once in the story's entry, and not in every text that made room for another.
    history = Records(excluded_fields=["position", "created_at"])

    class Meta:
        verbose_name = "text"
        ordering = ["story", "position"]
        constraints = [
            models.UniqueConstraint(fields=["story", "position"], name="one_text_per_position"),
            models.CheckConstraint(condition=Q(delay__gte=timedelta(0)), name="delay_is_not_negative"),
            models.CheckConstraint(
                condition=Q(days=None) | Q(days__gte=1, at__isnull=False, delay=timedelta(0)),
                name="days_lead_to_a_time",
                violation_error_message="Days are counted to a time of day, from 1 up, and without a delay.",
            ),
            models.CheckConstraint(
                condition=Q(follows__in=["next", "lead", "answer", "end"]), name="what_follows_is_known"
            ),
        ]

    def __str__(self):
        return f"Text {self.position}"

    def clean(self):
        if self.media and self.media_url:
            raise ValidationError({"media_url": "Choose one: an uploaded picture or a link."})

    def validate_constraints(self, exclude=None):
        """Leave them to the database where only some fields are looked at, as forms do.

        They have looked at what the constraints say; Django would build a query for each of them, and for each text.
        """
        if not exclude:
            super().validate_constraints()

    @property
    def wait(self) -> Wait:
        """When it comes, seen from the text before."""
        return Wait(self.delay, self.days, self.at)

    @wait.setter
    def wait(self, wait: Wait) -> None:
        self.delay, self.days, self.at = wait.delay, wait.days, wait.at

    @property
    def turn(self) -> Turn:
        """What follows it."""
        return Turn.of(self)

    @turn.setter
    def turn(self, turn: Turn) -> None:
        for name in TURN_FIELDS:
            setattr(self, name, getattr(turn, name))

    @property
    def asks(self) -> bool:
        return self.follows == Follows.ANSWER

    @property
    def leads_away(self) -> bool:
        """Whether it can leave the order in which the texts stand."""
        return self.follows != Follows.NEXT and self.turn.leads_away

    @property
    def picture_url(self) -> str:
        """The picture's address as the carrier can fetch it; empty without a picture."""
        return carrier_address(self.media.name) if self.media else self.media_url

    @property
    def picture(self) -> Picture | None:
        """The picture as a phone on our pages shows it."""
        return Picture.at(self.picture_url, self.alt) if self.picture_url else None
