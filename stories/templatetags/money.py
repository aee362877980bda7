from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """Write an amount with two decimals, and with more where it is less than one: bills begin with fractions."""
    decimals = 2 if amount >= 1 or not amount else 4
    return f"{amount:,.{decimals}f} {currency}"
