"""What a phone number looks like, and where it claims to be. No lookups, no `phonenumbers`."""

import re

E164 = re.compile(r"\+(?:1[2-9]\d{9}|[2-9]\d{6,14})")
SHORT_CODE = re.compile(r"\d{3,6}")
# A sender name: up to 11 letters, digits and a little punctuation, with at least one letter.
SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 _&+-]{1,11}")
TOLL_FREE = re.compile(r"\+18(?:00|33|44|55|66|77|88)\d{7}")

# Enough places that the webhook's geographic parameters are sometimes filled and sometimes empty.
PLACES = {
    "+1212": ("NEW YORK", "NY", "10001"),
    "+1312": ("CHICAGO", "IL", "60601"),
    "+1415": ("SAN FRANCISCO", "CA", "94105"),
    "+1512": ("AUSTIN", "TX", "78701"),
}
COUNTRIES = {
    "+1": "US",
    "+33": "FR",
    "+34": "ES",
    "+39": "IT",
    "+41": "CH",
    "+43": "AT",
    "+44": "GB",
    "+49": "DE",
}


def is_e164(number):
    """Say whether `number` is a whole international number with its plus sign."""
    return E164.fullmatch(number) is not None


def is_short_code(number):
    """Say whether `number` is a short code: 3 to 6 digits."""
    return SHORT_CODE.fullmatch(number) is not None


def is_toll_free(number):
    """Say whether `number` is a North American toll-free number."""
    return TOLL_FREE.fullmatch(number) is not None


def clean_phone(text):
    """Return the phone that `text` names: E.164, a short code or a sender name; None if it is none of them.

    A missing plus sign is forgiven, and so are the blank that a form makes of one and the usual
    punctuation, because people type and paste numbers.
    """
    text = text.strip()
    digits = re.sub(r"[\s().+-]", "", text)
    if digits.isascii() and digits.isdigit():
        if is_short_code(digits) and "+" not in text:
            return digits
        return "+" + digits if is_e164("+" + digits) else None
    return text if SENDER_NAME.fullmatch(text) else None


def place_of(number):
    """Return city, state, zip and country of `number`, empty strings where it does not say."""
    city, state, zip_code = PLACES.get(number[:5], ("", "", ""))
    country = next((COUNTRIES[number[:n]] for n in (2, 3) if number[:n] in COUNTRIES), "")
    return {"City": city, "State": state, "Zip": zip_code, "Country": country}
