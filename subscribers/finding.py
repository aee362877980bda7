"""Finding readers by number: by the whole of it, or by its last four digits.

By no other part: who sees numbers masked could otherwise learn one digit after the other from what is found.
"""

import re
from contextlib import suppress

import phonenumbers
from django.conf import settings
from django.db.models import QuerySet

from .models import Subscriber
from .models.readers import LAST_DIGITS_COUNT

NUMBER = re.compile(r"[+\d\s().–-]*\d[+\d\s().–-]*")


def our_region() -> str | None:
    """Return the region in which a number without a country code is read: that of our own number."""
    try:
        return phonenumbers.region_code_for_country_code(phonenumbers.parse(settings.TWILIO_NUMBER).country_code)
    except phonenumbers.NumberParseException:
        return None


def is_number(words: str) -> bool:
    return bool(NUMBER.fullmatch(words.strip()))


def is_last_digits(words: str) -> bool:
    return len(digits_of(words)) == LAST_DIGITS_COUNT


def digits_of(words: str) -> str:
    return re.sub(r"\D", "", words)


def with_number(words: str) -> QuerySet[Subscriber]:
    """Return the readers with the number that these words are, however it is written."""
    digits = digits_of(words)
    if is_last_digits(words):
        return Subscriber.objects.ending(digits)
    whole = [f"+{digits}"]
    with suppress(phonenumbers.NumberParseException):
        number = phonenumbers.parse(words, our_region())
        whole.append(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return Subscriber.objects.filter(phone_number__in=whole)
