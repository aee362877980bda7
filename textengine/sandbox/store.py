"""What the carrier remembers: messages, their media, who opted out, what its phones should be warned of.

The working set is in memory; an archive, when there is one, is written through. Nothing here speaks HTTP.
"""

import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import lru_cache
from secrets import token_hex

API_VERSION = "2010-04-01"
FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received", "read"})
INBOUND = "inbound"
# A warning is for the person who looks at the phones now, not a log.
WARNINGS_KEPT = 50


@lru_cache(maxsize=4096)
def rfc2822(second):
    """Write a whole second of the epoch the way Twilio writes dates."""
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(second))


@dataclass(slots=True)
class Media:
    """One picture or other attachment of a message; `content` is None when it could not be fetched."""

    sid: str
    message_sid: str
    account_sid: str
    url: str
    content_type: str
    content: bytes | None
    created: float

    @property
    def uri(self):
        return f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.message_sid}/Media/{self.sid}"

    def resource(self):
        """Return the media as Twilio's API shows it."""
        date = rfc2822(int(self.created))
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "parent_sid": self.message_sid,
            "content_type": self.content_type,
            "date_created": date,
            "date_updated": date,
            "uri": f"{self.uri}.json",
        }


@dataclass(slots=True)
class Message:
    """One SMS or MMS. Times are seconds of the epoch; `sender` is empty until a service chose one."""

    sid: str
    account_sid: str
    direction: str
    sender: str
    recipient: str
    body: str
    status: str
    created: float
    updated: float
    sent: float | None = None
    num_segments: int = 1
    media_urls: tuple[str, ...] = ()
    error_code: int | None = None
    error_message: str | None = None
    price: str | None = None
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    deleted: bool = False
    media: list[Media] = field(default_factory=list)

    @property
    def phone(self):
        """The reader's side of the message."""
        return self.sender if self.direction == INBOUND else self.recipient

    @property
    def ours(self):
        """The newsroom's side of the message."""
        return self.recipient if self.direction == INBOUND else self.sender

    @property
    def is_final(self):
        return self.status in FINAL

    def resource(self):
        """Return the message as Twilio's API shows it."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": rfc2822(int(self.created)),
            "date_sent": None if self.sent is None else rfc2822(int(self.sent)),
            "date_updated": rfc2822(int(self.updated)),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "from": self.sender or None,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": str(len(self.media_urls)),
            "num_segments": str(self.num_segments),
            "price": self.price,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.recipient,
            "uri": f"{uri}.json",
        }


def new_sid(prefix):
    """Make up a SID: two letters and 32 hexadecimal digits."""
    return prefix + token_hex(16)


class Store:
    """Every message this carrier carried, found by SID, by phone, or newest first."""

    def __init__(self, archive, numbers=(), fallback_number="+15005550006"):
        """Load what `archive` kept. `numbers` are ours; without them any number is ours."""
        self.archive = archive
        self.numbers = tuple(numbers)
        self.messages = {}
        self.order = []
        self.by_phone = defaultdict(list)
        self.media = {}
        self.our_numbers = set(numbers)
        self.warnings = defaultdict(lambda: deque(maxlen=WARNINGS_KEPT))
        self.watchers = []
        self.account_sid = None
        self._last_number = fallback_number
        self.opt_outs = set(archive.opt_outs())
        for message in archive.messages():
            self._index(message)
        for media in archive.media():
            self._attach(media)

    @property
    def our_number(self):
        """The number that phones text when they name none."""
        return self.numbers[0] if self.numbers else self._last_number

    def add(self, message):
        """Remember a new message, in the archive too, before anyone is told of it."""
        self._index(message)
        self.archive.save_message(message)
        self.tell(message)

    def change(self, message, **values):
        """Set fields of a message and its date of change."""
        for name, value in values.items():
            setattr(message, name, value)
        message.updated = time.time()
        self.archive.save_message(message)
        self.tell(message)

    def remove(self, message):
        """Forget a message and its media."""
        message.deleted = True
        del self.messages[message.sid]
        self.by_phone[message.phone].remove(message)
        for media in list(message.media):
            self.remove_media(message, media)
        self.archive.delete_message(message.sid)
        self.tell(message)

    def attach(self, message, url, content_type, content):
        """Keep one attachment of a message and return it."""
        media = Media(new_sid("ME"), message.sid, message.account_sid, url, content_type, content, time.time())
        self._attach(media)
        self.archive.save_media(media)
        return media

    def remove_media(self, message, media):
        """Forget one attachment of a message."""
        message.media.remove(media)
        del self.media[media.sid]
        self.archive.delete_media(media.sid)

    def opt_out(self, ours, phone):
        """Block the pair; say whether it was open."""
        return self._set_opt_out(ours, phone, out=True)

    def opt_in(self, ours, phone):
        """Open the pair; say whether it was blocked."""
        return self._set_opt_out(ours, phone, out=False)

    def is_opted_out(self, ours, phone):
        return (ours, phone) in self.opt_outs

    def warn(self, phone, sentence):
        """Tell whoever looks at `phone` what went wrong, in one sentence."""
        warning = {"at": time.time(), "text": sentence}
        self.warnings[phone].append(warning)
        for watcher in self.watchers:
            watcher(phone, "warning", warning)

    def newest_first(self, recipient=None, sender=None):
        """Iterate over the messages that are not deleted, newest first, between these two if given."""
        for message in reversed(self._narrowest(recipient, sender)):
            if message.deleted or (recipient and message.recipient != recipient):
                continue
            if sender and message.sender != sender:
                continue
            yield message

    def tell(self, message):
        for watcher in self.watchers:
            watcher(message.phone, "message", message)

    def _narrowest(self, recipient, sender):
        """Return the shortest list that holds what is asked for: a lookup must not cost a whole scan."""
        phones = [number for number in (recipient, sender) if number and number not in self.our_numbers]
        return min((self.by_phone.get(phone, []) for phone in phones), key=len, default=self.order)

    def _index(self, message):
        self.messages[message.sid] = message
        self.order.append(message)
        self.by_phone[message.phone].append(message)
        self.account_sid = message.account_sid
        if message.ours:
            self.our_numbers.add(message.ours)
            if message.direction == "outbound-api":
                self._last_number = message.ours

    def _attach(self, media):
        self.media[media.sid] = media
        if media.message_sid in self.messages:
            self.messages[media.message_sid].media.append(media)

    def _set_opt_out(self, ours, phone, *, out):
        pair = (ours, phone)
        changed = (pair in self.opt_outs) != out
        if changed:
            (self.opt_outs.add if out else self.opt_outs.discard)(pair)
            self.archive.save_opt_out(ours, phone, out=out)
        return changed
