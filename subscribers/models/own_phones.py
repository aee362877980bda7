"""The own phones of those who write: where rehearsals go, once a code has shown whose they are."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import models

from .locking import LockedQuerySet
from .messages import Message
from .readers import Subscriber

CODE_LASTS = timedelta(minutes=10)
# Wrong codes until a new one has to be asked for.
TRIES_MAX = 5
# Codes that one account may ask for in this time.
CODES_MAX, CODES_WITHIN = 5, timedelta(hours=1)


class OwnPhone(models.Model):
    """The phone of one account. Colleagues may share one, such as the newsroom's test phone."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="own_phone")
    # Empty once it was removed: the codes that were asked for still count.
    subscriber = models.ForeignKey(Subscriber, on_delete=models.SET_NULL, null=True, related_name="own_phones")
    confirmed_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=128, blank=True, help_text="Hashed; empty where none counts.")
    code_message = models.OneToOneField(
        Message,
        on_delete=models.SET_NULL,
        null=True,
        related_name="code_of",
        help_text="The text that has the code, as long as it counts: nobody may read it but on the phone.",
    )
    code_made_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    codes_since = models.DateTimeField(null=True, help_text="From when on the codes are counted.")
    codes_count = models.PositiveSmallIntegerField(default=0)

    objects = LockedQuerySet.as_manager()

    def __str__(self):
        return f"The phone of {self.user}"

    @property
    def is_confirmed(self) -> bool:
        return self.subscriber_id is not None and self.confirmed_at is not None

    def may_have_code(self, now: datetime) -> bool:
        return self.counted(now) < CODES_MAX

    def counted(self, now: datetime) -> int:
        return self.codes_count if self.codes_since and now - self.codes_since < CODES_WITHIN else 0

    def take_code(self, code: str, message: Message | None, now: datetime) -> None:
        """Wait for this code, which `message` brings to the phone, or nothing to one that may not be texted."""
        if not self.counted(now):
            self.codes_since, self.codes_count = now, 0
        self.codes_count += 1
        self.code, self.code_message, self.code_made_at, self.tries = make_password(code), message, now, 0

    def has_code(self, now: datetime) -> bool:
        """Whether a code counts that was sent to it."""
        return bool(self.code) and now - self.code_made_at < CODE_LASTS and self.tries < TRIES_MAX

    def is_code(self, code: str) -> bool:
        return check_password(code, self.code)

    def let_go(self) -> None:
        """Be no phone any more; how many codes its account asked for is remembered."""
        self.subscriber = self.confirmed_at = None
        self.forget_code()

    def forget_code(self) -> None:
        self.code, self.code_message = "", None
