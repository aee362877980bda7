"""Who reads: subscribers, their enrollments, every message of both directions, and what keeps messages back."""

from .brakes import Hold, Sender
from .messages import Message
from .questions import Question
from .readers import Enrollment, Subscriber, e164, masked, zone_of

__all__ = ["Enrollment", "Hold", "Message", "Question", "Sender", "Subscriber", "e164", "masked", "zone_of"]
