"""Who reads: subscribers, their enrollments, every message of both directions, and what keeps messages back.

And the own phones of those who write, to which they rehearse.
"""

from .brakes import Hold, Sender
from .erasing import Erasure, StoppedNumber
from .heartbeats import Heartbeat
from .messages import Message, led
from .own_phones import OwnPhone
from .questions import Question
from .readers import Enrollment, Subscriber, e164, masked, zone_of
from .samples import Sample
from .words import SystemText

__all__ = [
    "Enrollment",
    "Erasure",
    "Heartbeat",
    "Hold",
    "Message",
    "OwnPhone",
    "Question",
    "Sample",
    "Sender",
    "StoppedNumber",
    "Subscriber",
    "SystemText",
    "e164",
    "led",
    "masked",
    "zone_of",
]
