"""The editors' screens: who reads what, how far, what was texted, and the brake. Nearly all of it is for reading.

Django finds the screens by importing this package.
"""

from .accesses import AccessAdmin
from .corrections import CorrectionAdmin
from .enrollments import EnrollmentAdmin
from .exports import ExportAdmin
from .holds import HoldAdmin
from .messages import MessageAdmin
from .replies import RemarkAdmin, TagAdmin
from .senders import SenderAdmin
from .subscribers import SubscriberAdmin
from .system_texts import SystemTextAdmin

__all__ = [
    "AccessAdmin",
    "CorrectionAdmin",
    "EnrollmentAdmin",
    "ExportAdmin",
    "HoldAdmin",
    "MessageAdmin",
    "RemarkAdmin",
    "SenderAdmin",
    "SubscriberAdmin",
    "SystemTextAdmin",
    "TagAdmin",
]
