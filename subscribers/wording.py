"""What the system says by itself: its own words for each occasion, and what stands in their placeholders.

Pure: editors' words, which come before these, are read by replies.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from stories.placeholders import fill

from .models import SystemText

Kind = SystemText.Kind
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
    Kind.WHERE_ASKED: occasion(
        "The same, of a story that waits for an answer.",
        "{story}: {sent} of {total} texts. It is your turn to answer.",
        PLACE,
    ),
    Kind.IN_LINE: occasion(
        "A story has to wait until another one has ended.", "{story} begins when another story has ended.", STORY
    ),
    Kind.NOTHING: occasion(
        "A reader who reads nothing asks to pause, to go on, for the last text or how far they are. Or the "
        "first text of somebody new names no story, and none may be drawn.",
        "You are reading nothing at the moment. Text us the keyword of a story to begin.",
        OFFERS,
    ),
    Kind.ALL_READ: occasion(
        "Somebody asks for a story without naming one, and has had them all.",
        "You have had all our stories. Text the keyword of one to read it once more.",
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
    """Return `body` with what its placeholders stand for; a line that offers nothing is none."""
    if not values.get("offers"):
        body = "\n".join(line for line in body.splitlines() if "{offers}" not in line)
    return fill(body, common_values() | values).strip()


def sample(kind: Kind) -> dict[str, str]:
    """Return what the placeholders of this occasion could stand for."""
    values = {
        "story": "The last ferry",
        "sent": "3",
        "total": "12",
        "next": "21:07",
        "offers": "RIVER (What the river remembers)",
    }
    return {name: values[name] for name in OCCASIONS[kind].placeholders if name in values}


# What US law and carriers want to be said, and how we tell that it is: by a word that has to be there, or is likely to.
STOP = (r"\bSTOP\b", "It does not say how to stop: add “Reply STOP to end.”")
HELP = (r"\bHELP\b", "It does not say how to get help: add “Reply HELP for help.”")
START = (r"\bSTART\b", "It does not say how to come back: add “Reply START to come back.”")
RATES = (r"\brates?\b", "It does not say that texts may cost something: add “Msg & data rates may apply.”")
OFTEN = (
    r"\b(often|frequency|varies|(texts?|msgs?|messages?)( a| per|/) ?(day|week|month))\b",
    "It does not say how often texts come: add “Msg frequency varies.”",
)
NEWSROOM = (r"\{newsroom\}", "It does not say who we are: add {newsroom}.")
CONTACT = (r"\{contact\}|@|https?://|\d{7}", "It does not say whom one can ask: add {contact}.")
WANTED = {
    Kind.WELCOME: (NEWSROOM, OFTEN, RATES, HELP, STOP),
    Kind.HELP: (NEWSROOM, CONTACT, OFTEN, RATES, STOP),
    Kind.STOPPED: (NEWSROOM, START),
    Kind.STARTED: (NEWSROOM, RATES, HELP, STOP),
}
SILENCE = {
    Kind.WELCOME: "Nothing is said. The first text of every story then has to say who we are, how often texts come, "
    "what they may cost, and how to get help and to stop.",
    Kind.HELP: "Nothing is said, but whoever texts HELP has to get an answer.",
    Kind.STOPPED: "Nothing is said, but whoever texts STOP has to get a confirmation where the carrier gives none.",
}


def warnings(kind: Kind, body: str, language: str = "") -> list[str]:
    """Return what the law and carriers would miss in these words, each a sentence.

    In another language than English, only what is written the same in all of them is looked for.
    """
    if not body.strip():
        return [SILENCE[kind]] if kind in SILENCE else []
    named = settings.NEWSROOM_NAME
    looked_at = body.replace(named, "{newsroom}") if named else body
    wanted = WANTED.get(kind, ())
    if language and not language.startswith("en"):
        wanted = [each for each in wanted if each not in (RATES, OFTEN)]
    return [sentence for pattern, sentence in wanted if not re.search(pattern, looked_at, CASES[pattern])]


# The words that carriers act on count in capitals alone, as a story's own "don't stop" must not.
CASES = {
    pattern: re.NOFLAG if pattern in (STOP[0], HELP[0], START[0]) else re.IGNORECASE
    for wanted in WANTED.values()
    for pattern, _ in wanted
}
