"""What the system says by itself: its own words for each occasion, and what stands in their placeholders.

Pure: editors' words, which come before these, are read by replies.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from .models import SystemText

Kind = SystemText.Kind
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# What every text may name.
COMMON = {
    "newsroom": "the newsroom",
    "contact": "whom readers can ask",
    "pause": "the word that pauses",
    "resume": "the word that lets it go on",
    "where": "the word that asks how far one is",
}
STORY = {"story": "the story’s title"}
PLACE = STORY | {"sent": "how many texts one has had", "total": "how many it has", "next": "when the next one comes"}
OFFERS = {"offers": "up to three stories that this reader has not had, with their keywords"}


@dataclass(frozen=True, slots=True)
class Occasion:
    """When the system speaks, in which words where editors wrote none, and which placeholders these may have."""

    when: str
    default: str
    placeholders: Mapping[str, str]


def occasion(when: str, default: str, placeholders: Mapping[str, str] | None = None) -> Occasion:
    return Occasion(when, default, COMMON | (placeholders or {}))


OCCASIONS = {
    Kind.WELCOME: occasion("Before a new reader’s first story, a few seconds ahead of its first text.", "", STORY),
    Kind.HELP: occasion(
        "Somebody texts HELP or INFO, or a STOP that is misspelt.",
        "{newsroom}: stories by text message. How often depends on the story. Help: {contact}. "
        "Msg & data rates may apply. Reply STOP to end.",
    ),
    Kind.STOPPED: occasion(
        "Somebody has texted STOP. Nothing else is sent to them any more.",
        "{newsroom}: you will get no more texts from us. Reply START to come back.",
    ),
    Kind.STARTED: occasion(
        "Somebody who had stopped has texted START.",
        "{newsroom}: welcome back. What you were reading goes on where it was. Msg & data rates may apply. "
        "Reply HELP for help, STOP to end.",
    ),
    Kind.PAUSED: occasion("A reader has paused.", "{story} waits for you. Reply {resume} to go on.", STORY),
    Kind.RESUMED: occasion("A reader goes on.", "{story} goes on.", STORY),
    Kind.WHERE: occasion(
        "A reader asks how far they are; one line for each story.",
        "{story}: {sent} of {total} texts. Next: {next}.",
        PLACE,
    ),
    Kind.WHERE_PAUSED: occasion(
        "The same, of a story that is paused.", "{story}: {sent} of {total} texts. Reply {resume} to go on.", PLACE
    ),
    Kind.IN_LINE: occasion(
        "A story has to wait until another one has ended.", "{story} begins when another story has ended.", STORY
    ),
    Kind.NOTHING: occasion(
        "A reader who reads nothing asks to pause, to go on, for the last text or how far they are.",
        "You are reading nothing at the moment. Text us a story’s keyword to begin.",
        OFFERS,
    ),
    Kind.ALL_READ: occasion(
        "Somebody asks for a story without naming one, and has had them all.",
        "You have had all our stories. Text a story’s keyword to read it once more.",
    ),
    Kind.UNKNOWN: occasion("A text that means nothing to us, such as a remark in the middle of a story.", "", OFFERS),
    Kind.FORGOTTEN: occasion(
        "Somebody has asked to be forgotten.",
        "Everything that we knew about you is erased. Text us whenever you like to begin anew.",
    ),
}


def common_values() -> dict[str, str]:
    contact = settings.NEWSROOM_CONTACT.removeprefix("mailto:") or settings.PUBLIC_URL
    commands = {name.lower(): words[0] for name, words in settings.COMMAND_WORDS.items() if words}
    return {"newsroom": settings.NEWSROOM_NAME or "Our newsroom", "contact": contact} | commands


def filled(body: str, values: Mapping[str, str]) -> str:
    """Return `body` with what its placeholders stand for; one that has nothing stays as it is."""
    if not values.get("offers"):
        # A line that offers nothing is none.
        body = "\n".join(line for line in body.splitlines() if "{offers}" not in line)
    values = common_values() | values
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), body).strip()


def unknown_placeholders(body: str, known: Mapping[str, str]) -> list[str]:
    return [name for name in dict.fromkeys(PLACEHOLDER.findall(body)) if name not in known]
