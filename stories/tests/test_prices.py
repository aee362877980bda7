"""What a story costs, by prices that the newsroom keeps."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from stories.models import Price
from stories.segments import measure

CHANGELIST = reverse("admin:stories_price_changelist")
CHANGE = reverse("admin:stories_price_change", args=[1])
ADD = reverse("admin:stories_price_add")
DELETE = reverse("admin:stories_price_delete", args=[1])

ROUND = Price(
    currency="EUR", sms_segment=Decimal("0.01"), sms_fee=Decimal("0.001"), mms=Decimal("0.1"), mms_fee=Decimal("0.02")
)


def measured(*texts: tuple[str, bool]):
    return [(measure(body), has_picture) for body, has_picture in texts]


def log_in(client, group: str):
    user = User.objects.create_user(group, password="pw", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return client


def test_a_text_costs_its_segments_with_the_networks_fee():
    cost = ROUND.cost_of(measured(("a" * 161, False), ("Hello.", False)))
    assert (cost.texts, cost.segments, cost.mms) == (2, 3, 0)
    assert (cost.per_reader, cost.total, cost.currency) == (Decimal("0.033"), Decimal("0.033"), "EUR")


def test_a_text_with_a_picture_is_one_mms_however_long():
    cost = ROUND.cost_of(measured(("a" * 1600, True), ("", True)))
    assert (cost.texts, cost.segments, cost.mms, cost.per_reader) == (2, 0, 2, Decimal("0.24"))


def test_many_readers_cost_as_much_each():
    cost = ROUND.cost_of(measured(("“Hello”", False), ("Look.", True)), readers=40_000)
    assert (cost.per_reader, cost.readers, cost.total) == (Decimal("0.131"), 40_000, Decimal("5240"))


def test_nothing_costs_nothing():
    cost = ROUND.cost_of([], readers=10)
    assert (cost.texts, cost.segments, cost.mms, cost.total) == (0, 0, 0, 0)


@pytest.mark.django_db
def test_the_newsroom_starts_with_prices_and_has_one_row_of_them():
    assert Price.objects.get() == Price.current()
    assert Price.current().sms_segment == Decimal("0.0083")
    for double in (Price(), Price(pk=2)):
        with pytest.raises(IntegrityError), transaction.atomic():
            double.save(force_insert=True)


@pytest.mark.django_db
def test_an_emptied_database_still_knows_prices():
    Price.objects.all().delete()
    assert Price.current().cost_of(measured(("Hello.", False))).per_reader == Decimal("0.0128")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("currency", "usd", "three capital letters"),
        ("sms_segment", Decimal("-0.01"), "A price is 0 or more."),
        ("mms_fee", Decimal("0.000001"), "no more than 5 decimal places"),
    ],
)
def test_prices_that_cannot_be_are_refused_in_words(field, value, message):
    with pytest.raises(ValidationError, match=message):
        Price(**{field: value}).clean_fields()


@pytest.mark.django_db
def test_an_operator_changes_the_prices_and_cannot_add_or_delete_any(client):
    log_in(client, "Operators")
    assert b"Prices in USD" in client.get(CHANGELIST).content
    prices = {"currency": "EUR", "sms_segment": "0.07", "sms_fee": "0", "mms": "0.3", "mms_fee": "0.00001"}
    assert client.post(CHANGE, prices).status_code == 302
    changed = Price.objects.get()
    assert (changed.currency, changed.sms_segment, changed.mms_fee) == ("EUR", Decimal("0.07"), Decimal("0.00001"))
    assert client.get(ADD).status_code == client.get(DELETE).status_code == 403


@pytest.mark.django_db
def test_prices_that_are_gone_can_be_added_again_by_who_may_add(client):
    user = User.objects.create_superuser("root", password="pw")
    client.force_login(user)
    assert client.get(ADD).status_code == 403
    Price.objects.all().delete()
    assert client.get(ADD).status_code == 200


@pytest.mark.django_db
def test_journalists_leave_the_prices_to_editors(client):
    log_in(client, "Journalists")
    assert client.get(CHANGELIST).status_code == client.get(CHANGE).status_code == 403
