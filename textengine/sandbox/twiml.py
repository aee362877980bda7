"""Reading what a webhook answers: TwiML, or a plain text that is a reply as it stands."""

from dataclasses import dataclass
from xml.etree import ElementTree

from .webhooks import LONGEST_ANSWER

MOST_MEDIA = 10


@dataclass(frozen=True, slots=True)
class Reply:
    """One text that the webhook wants sent back."""

    body: str
    media_urls: tuple[str, ...] = ()
    status_callback: str | None = None


class BadAnswer(ValueError):
    """The webhook answered something that Twilio cannot use; the sentence says what."""


def read_answer(answer):
    """Return the replies that `answer` asks for; raise BadAnswer with a sentence when it cannot be used."""
    if not answer.is_ok:
        raise BadAnswer(f"The webhook answered {answer.status}.")
    if answer.truncated:
        raise BadAnswer(f"The webhook answered more than {LONGEST_ANSWER // 1024} kB.")
    if not answer.text.strip():
        return []
    if answer.content_type == "text/plain":
        return [Reply(answer.text.strip())]
    if answer.content_type not in ("text/xml", "application/xml", "text/html"):
        raise BadAnswer(f"The webhook answered the type {answer.content_type or 'none'} instead of text/xml.")
    try:
        # Our own webhook on this machine wrote it, 64 kB at most, and expat itself stops entity bombs.
        root = ElementTree.fromstring(answer.text.strip())  # noqa: S314
    except ElementTree.ParseError as error:
        raise BadAnswer(f"The webhook's TwiML is broken: {error}.") from error
    if root.tag != "Response":
        raise BadAnswer(f"The webhook's TwiML begins with <{root.tag}> instead of <Response>.")
    return [_reply(verb) for verb in root]


def _reply(verb):
    if verb.tag not in ("Message", "Sms"):
        raise BadAnswer(f"The sandbox knows no TwiML verb <{verb.tag}>.")
    bodies = [(noun.text or "").strip() for noun in verb.iter("Body")]
    media = tuple((noun.text or "").strip() for noun in verb.iter("Media"))
    body = "\n".join(bodies) if bodies else (verb.text or "").strip()
    if not body and not media:
        raise BadAnswer("The webhook's <Message> has neither a text nor a picture.")
    if len(body) > 1600 or len(media) > MOST_MEDIA:
        raise BadAnswer("The webhook's <Message> is longer than 1600 characters or has more than 10 pictures.")
    return Reply(body, media, verb.get("statusCallback") or verb.get("action"))
