import phonenumbers
from django import template
from phonenumbers import PhoneNumberFormat

register = template.Library()


@register.filter
def spaced(number: str) -> str:
    """Return a number in E.164 as people read it; whatever else it is, as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number
