"""What a story costs to send: the newsroom's prices, and the bill by them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from .segments import Measurement


@dataclass(frozen=True, slots=True)
class Cost:
    """What some texts cost; amounts are exact, in `currency`."""

    texts: int
    segments: int  # of the texts without a picture, since no other is billed by segment
    mms: int
    readers: int
    per_reader: Decimal
    currency: str

    @property
    def total(self) -> Decimal:
        return self.per_reader * self.readers


class PriceField(models.DecimalField):
    """A price of a single text: fractions of a cent, never negative."""

    def __init__(self, *args, **kwargs):
        defaults = {
            "max_digits": 9,
            "decimal_places": 5,
            "validators": [MinValueValidator(0, "A price is 0 or more.")],
        }
        super().__init__(*args, **defaults | kwargs)


class Price(models.Model):
    """What the carrier asks for what we send; one row, which the newsroom keeps.

    It starts with what Twilio published for the United States in autumn 2026 (twilio.com/en-us/sms/pricing/us):
    0.0083 USD a segment and 0.022 USD an MMS from a number of ten digits. To that come the fees of the networks,
    which differ; here stands about what the dearest of the large ones ask of registered senders. Texts that readers
    send, numbers rented and registrations are billed too, and are none of a story's cost.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    currency = models.CharField(
        max_length=3,
        default="USD",
        validators=[
            RegexValidator(r"^[A-Z]{3}$", "Write the three capital letters of a currency, such as USD or EUR.")
        ],
        help_text="In which the carrier bills: USD, EUR, GBP …",
    )
    sms_segment = PriceField(
        "one segment", default=Decimal("0.0083"), help_text="What the carrier asks for each segment of a text."
    )
    sms_fee = PriceField(
        "network fee per segment",
        default=Decimal("0.0045"),
        help_text="What the reader's network asks besides, for each segment; 0 if nothing.",
    )
    mms = PriceField(
        "one picture message",
        default=Decimal("0.022"),
        help_text="What the carrier asks for a text with a picture, however long it is.",
    )
    mms_fee = PriceField(
        "network fee per picture message",
        default=Decimal("0.01"),
        help_text="What the reader's network asks besides; 0 if nothing.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "prices"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="prices_are_one_row"),
            models.CheckConstraint(
                condition=Q(sms_segment__gte=0, sms_fee__gte=0, mms__gte=0, mms_fee__gte=0),
                name="prices_are_not_negative",
            ),
        ]

    def __str__(self):
        return f"Prices in {self.currency}"

    @classmethod
    def current(cls) -> "Price":
        """Return the newsroom's prices, or those that it would start with."""
        return cls.objects.first() or cls()

    def cost_of(self, texts: Iterable[tuple[Measurement, bool]], readers: int = 1) -> Cost:
        """Return what texts cost, each given as its measurement and whether it has a picture.

        A text with a picture is one MMS, billed once however long its words are.
        """
        texts = list(texts)
        segments = sum(measured.segments for measured, has_picture in texts if not has_picture)
        mms = sum(has_picture for _, has_picture in texts)
        per_reader = segments * (self.sms_segment + self.sms_fee) + mms * (self.mms + self.mms_fee)
        return Cost(len(texts), segments, mms, readers, per_reader, self.currency)
