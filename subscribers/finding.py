"""Finding readers by number: by the whole of it, or by its last four digits.

By no other part: who sees numbers masked could otherwise learn one digit after the other from what is found.
"""

import re
from contextlib import suppress

import phonenumbers
from django.conf import settings
from django.db.models import Q

NUMBER = re.compile(r"[+\d\s().–-]*\d[+\d\s().–-]*")
LAST = 4


def our_region() -> str | None:
    """Return the region in which a number without a country code is read: that of our own number."""
    try:
        return phonenumbers.region_code_for_country_code(phonenumbers.parse(settings.TWILIO_NUMBER).country_code)
    except phonenumbers.NumberParseException:
        return None


def is_number(words: str) -> bool:
    return bool(NUMBER.fullmatch(words.strip()))


def with_number(field: str, words: str) -> Q:
    """Return what holds where this field has the number that these words are, however it is written."""
    digits = re.sub(r"\D", "", words)
    if len(digits) == LAST:
        return Q(**{f"{field}__endswith": digits})
    whole = [f"+{digits}"]
    with suppress(phonenumbers.NumberParseException):
        number = phonenumbers.parse(words, our_region())
        whole.append(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return Q(**{f"{field}__in": whole})
