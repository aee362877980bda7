"""What only makes sense together or on this machine, as Django system checks, so that a wrong start fails at once."""

import os
import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.core.checks.messages import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, storages
from django.http.request import validate_host

from stories.keywords import RESERVED_WORDS, normalize, reserved

from .environment import DEBUGGING_KEY

# What `make run` and .env.example use; whoever knows it can sign webhooks.
SANDBOX_AUTH_TOKEN = "sandbox-auth-token"  # noqa: S105
# Hexadecimal, so many digits are half as many bytes.
SECRET_KEY_LENGTH = 32
TWILIO_HOST = "twilio.com"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@register(Tags.security)
def check_twilio_settings(app_configs, **kwargs) -> list[CheckMessage]:
    return [*missing(), *malformed(), *unsafe()]


def missing() -> list[CheckMessage]:
    wanted = {
        "TWILIO_ACCOUNT_SID": settings.TWILIO_ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": settings.TWILIO_AUTH_TOKEN,
        "TWILIO_NUMBER or TWILIO_MESSAGING_SERVICE_SID": settings.TWILIO_NUMBER
        or settings.TWILIO_MESSAGING_SERVICE_SID,
    }
    names = [name for name, value in wanted.items() if not value]
    if not names:
        return []
    have = "none" if len(names) == len(wanted) else "only some"
    return [
        Error(
            f"Of the Twilio settings {have} are there; set {', '.join(names)} in the environment or .env.",
            id="textengine.E001",
        )
    ]


def malformed() -> list[CheckMessage]:
    forms = (
        (
            "TWILIO_ACCOUNT_SID",
            r"AC[0-9a-fA-F]{32}",
            "AC and 32 hexadecimal digits, as Twilio's console shows it",
        ),
        ("TWILIO_NUMBER", r"\+[1-9][0-9]{6,14}", "a number in the form +14155550100"),
        ("TWILIO_MESSAGING_SERVICE_SID", r"MG[0-9a-fA-F]{32}", "MG and 32 hexadecimal digits"),
    )
    return [
        Error(f"{name} is {getattr(settings, name)!r}; set it to {form}.", id="textengine.E002")
        for name, pattern, form in forms
        if getattr(settings, name) and not re.fullmatch(pattern, getattr(settings, name))
    ]


def unsafe() -> list[CheckMessage]:
    real, public = is_twilio(settings.TWILIO_API_URL), urlsplit(settings.PUBLIC_URL)
    messages = left_open() if public.hostname not in LOOPBACK else []
    known = SANDBOX_AUTH_TOKEN in (settings.TWILIO_AUTH_TOKEN, *settings.TWILIO_WEBHOOK_SECRETS)
    if known and (real or public.hostname not in LOOPBACK):
        name = "TWILIO_AUTH_TOKEN" if settings.TWILIO_AUTH_TOKEN == SANDBOX_AUTH_TOKEN else "TWILIO_WEBHOOK_SECRETS"
        messages.append(
            Error(
                f"{name} is the sandbox's, which everybody knows; set it to your Twilio account's.",
                id="textengine.E003",
            )
        )
    elif real and settings.TWILIO_AUTH_TOKEN and not re.fullmatch(r"[0-9a-fA-F]{32}", settings.TWILIO_AUTH_TOKEN):
        messages.append(
            Error(
                "TWILIO_AUTH_TOKEN is not what Twilio gives out; set it to the 32 hexadecimal digits of its console.",
                id="textengine.E002",
            )
        )
    if "'" in settings.PUBLIC_URL:
        messages.append(
            Error(
                "PUBLIC_URL contains an apostrophe, which breaks signatures; use an address without.",
                id="textengine.E004",
            )
        )
    if real and public.hostname in LOOPBACK:
        messages.append(
            Warning(
                f"PUBLIC_URL is {settings.PUBLIC_URL}, where Twilio cannot reach you; set it to your public address.",
                id="textengine.W001",
            )
        )
    return messages


def left_open() -> list[CheckMessage]:
    """Look for what does on one's own machine, and must not be where PUBLIC_URL leads others to it."""
    key = settings.SECRET_KEY
    wrong = {
        "DEBUG is true, which shows settings and code to whoever meets an error; set it to false": settings.DEBUG,
        "SECRET_KEY is too short or is known to everybody, and whoever has it can log in; set it to a long random "
        "string (see .env.example)": len(key) < SECRET_KEY_LENGTH or key == DEBUGGING_KEY,
        "ALLOWED_HOSTS has a *, so that pages are answered under any name; leave it empty": "*"
        in settings.ALLOWED_HOSTS,
    }
    where = f", since others reach {settings.PUBLIC_URL}, by a tunnel too."
    return [Error(f"{sentence}{where}", id="textengine.E012") for sentence, is_so in wrong.items() if is_so]


def is_twilio(url: str) -> bool:
    """Tell whether this is Twilio's own address, and not one that stands in for it."""
    return f".{urlsplit(url).hostname}".endswith(f".{TWILIO_HOST}")


@register(Tags.security)
def check_command_words(app_configs, **kwargs) -> list[CheckMessage]:
    """Look whether each word by which readers steer their stories means one thing."""
    meanings = dict.fromkeys(RESERVED_WORDS, "a word that phone networks act on")
    messages: list[CheckMessage] = []
    for command, of_command in settings.COMMAND_WORDS.items():
        for word in of_command:
            same = reserved(normalize(word)) or normalize(word)
            if other := meanings.get(same) if same else "no word at all":
                messages.append(
                    Error(f"{command}_WORDS names {word!r}, which is {other}; choose another.", id="textengine.E008")
                )
            meanings[same] = f"already one of {command}_WORDS"
    if settings.COMMAND_WORDS["PAUSE"] and not settings.COMMAND_WORDS["RESUME"]:
        messages.append(
            Error("PAUSE_WORDS lets readers pause, and RESUME_WORDS lets nobody go on; set both.", id="textengine.E009")
        )
    return messages


@register(Tags.security)
def check_digests(app_configs, **kwargs) -> list[CheckMessage]:
    """Look whether what is told of the reply desk can leave, and whether its receiver can tell it from a forgery."""
    messages: list[CheckMessage] = []
    if settings.DIGEST_WEBHOOK and not settings.DIGEST_SECRET:
        messages.append(
            Error(
                "DIGEST_WEBHOOK is set without DIGEST_SECRET; set that to a long random string.", id="textengine.E010"
            )
        )
    if settings.DIGEST_EMAILS and settings.EMAIL_BACKEND.endswith("dummy.EmailBackend"):
        messages.append(
            Error("DIGEST_EMAILS is set without EMAIL_URL; set that to your mail server.", id="textengine.E011")
        )
    return messages


@register(Tags.security, deploy=True)
def check_budget(app_configs, **kwargs) -> list[CheckMessage]:
    """Look whether who has us text a thousand numbers would be stopped by more than the bill, and anybody told."""
    if not settings.DAILY_SEGMENTS:
        sentence = "DAILY_SEGMENTS is not set, so that nothing bounds what a day costs; set it to a number of segments."
        return [Warning(sentence, id="textengine.W002")]
    if not (settings.DIGEST_EMAILS or settings.DIGEST_WEBHOOK):
        sentence = "DAILY_SEGMENTS would put everything on hold and tell nobody; set DIGEST_EMAILS or DIGEST_WEBHOOK."
        return [Warning(sentence, id="textengine.W003")]
    return []


@register(Tags.security)
def check_allowed_hosts(app_configs, **kwargs) -> list[CheckMessage]:
    """Look whether what is sent to PUBLIC_URL gets in, or every webhook would be refused."""
    host = urlsplit(settings.PUBLIC_URL).hostname
    if validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        return []
    return [
        Error(
            f"ALLOWED_HOSTS lacks {host}, the host of PUBLIC_URL, so that every webhook would be refused; "
            "add it, or leave ALLOWED_HOSTS empty.",
            id="textengine.E006",
        )
    ]


@register(Tags.files)
def check_media_root(app_configs, **kwargs) -> list[CheckMessage]:
    """Look whether the folder of pictures is one, or can be made; the worker needs no right to write there."""
    folders = (settings.MEDIA_ROOT, *settings.MEDIA_ROOT.parents)
    existing = next(folder for folder in folders if os.path.exists(folder))
    if existing.is_dir():
        return []
    return [
        Error(
            f"MEDIA_ROOT is '{settings.MEDIA_ROOT}', but {existing} is no folder; set it to a folder for pictures.",
            id="textengine.E005",
        )
    ]


@register(Tags.files)
def check_media_storage(app_configs, **kwargs) -> list[CheckMessage]:
    """Look whether the pictures' storage can be made with the options that are set; nothing is asked of it yet."""
    try:
        storages.create_storage(settings.STORAGES["default"])
    except (InvalidStorageError, ImproperlyConfigured, TypeError, ValueError) as error:
        return [
            Error(
                f"MEDIA_STORAGE is {settings.STORAGES['default']['BACKEND']!r}, which cannot be used with "
                f"MEDIA_STORAGE_OPTIONS: {error}.",
                id="textengine.E007",
            )
        ]
    return []
