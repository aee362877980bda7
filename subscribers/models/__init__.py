"""Who reads: subscribers, their enrollments, every message of both directions, and what keeps messages back.

And the own phones of those who write, to which they rehearse.
"""

from .accesses import Access
from .brakes import Hold, Sender
from .consents import Consent
from .corrections import Correction, Recipient
from .erasing import Erasure, StoppedNumber
from .exports import Export
from .heartbeats import Heartbeat
from .limits import Gate, SpentDay
from .messages import Message, led
from .own_phones import OwnPhone
from .placements import Placement
from .questions import Question
from .readers import Enrollment, Subscriber, e164, masked, on_screen, zone_of
from .remarks import Digest, Note, Remark, Reply, ReplyTo, Tag, Tagging
from .samples import Sample
from .tallies import DayCount, Tally
from .words import SystemText

__all__ = [
    "Access",
    "Consent",
    "Correction",
    "DayCount",
    "Digest",
    "Enrollment",
    "Erasure",
    "Export",
    "Gate",
    "Heartbeat",
    "Hold",
    "Message",
    "Note",
    "OwnPhone",
    "Placement",
    "Question",
    "Recipient",
    "Remark",
    "Reply",
    "ReplyTo",
    "Sample",
    "Sender",
    "SpentDay",
    "StoppedNumber",
    "Subscriber",
    "SystemText",
    "Tag",
    "Tagging",
    "Tally",
    "e164",
    "led",
    "masked",
    "on_screen",
    "zone_of",
]
