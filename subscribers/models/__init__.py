"""Who reads: subscribers, their enrollments, every message of both directions, and what keeps messages back.

And the own phones of those who write, to which they rehearse.
"""

from .accesses import Access
from .brakes import Hold, Sender
from .consents import Consent
from .erasing import Erasure, StoppedNumber
from .exports import Export
from .messages import Message, led
from .own_phones import OwnPhone
from .questions import Question
from .readers import Enrollment, Subscriber, e164, masked, on_screen, zone_of
from .words import SystemText

__all__ = [
    "Access",
    "Consent",
    "Enrollment",
    "Erasure",
    "Export",
    "Hold",
    "Message",
    "OwnPhone",
    "Question",
    "Sender",
    "StoppedNumber",
    "Subscriber",
    "SystemText",
    "e164",
    "led",
    "masked",
    "on_screen",
    "zone_of",
]
