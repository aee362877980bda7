"""Who reads: subscribers, their enrollments, every message of both directions, and what keeps messages back."""

from .brakes import Hold, Sender
from .erasing import Erasure, StoppedNumber
from .messages import Message
from .readers import Enrollment, Subscriber, e164, masked, zone_of
from .words import SystemText

__all__ = [
    "Enrollment",
    "Erasure",
    "Hold",
    "Message",
    "Sender",
    "StoppedNumber",
    "Subscriber",
    "SystemText",
    "e164",
    "masked",
    "zone_of",
]
