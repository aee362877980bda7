"""Who reads: subscribers, their enrollments, every message of both directions, and what keeps messages back.

And the own phones of those who write, to which they rehearse.
"""

from .brakes import Hold, Sender
from .corrections import Correction, Recipient
from .erasing import Erasure, StoppedNumber
from .messages import Message, led
from .own_phones import OwnPhone
from .placements import Placement
from .questions import Question
from .readers import Enrollment, Subscriber, e164, masked, zone_of
from .remarks import Digest, Note, Remark, Reply, ReplyTo, Tag, Tagging
from .words import SystemText

__all__ = [
    "Correction",
    "Digest",
    "Enrollment",
    "Erasure",
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
    "Sender",
    "StoppedNumber",
    "Subscriber",
    "SystemText",
    "Tag",
    "Tagging",
    "e164",
    "led",
    "masked",
    "zone_of",
]
