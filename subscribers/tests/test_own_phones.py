"""The own phone of who writes: nobody else's, confirmed by a code, and forgotten when it is removed."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import consent, own_phones, rehearsals
from subscribers.models import Enrollment, Hold, Message, OwnPhone, Subscriber
from subscribers.own_phones import Refusal

from .engine import work
from .factory import make_enrollment, make_inbound, make_subscriber

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

PHONE, OTHER = "+14155550123", "+14155550188"


@pytest.fixture
def user():
    return User.objects.create_user("jo", is_staff=True)


def ask(user: User, number: str = PHONE, now=None) -> str:
    """Ask for a code, and return it."""
    own_phones.ask_code(user, number, now or timezone.now())
    return re.search(r"\d{6}", Message.objects.latest("pk").body)[0]


def own(user: User) -> OwnPhone:
    return OwnPhone.objects.get(user=user)


def confirmed(user: User, number: str = PHONE) -> OwnPhone:
    own_phones.confirm(user, ask(user, number), timezone.now())
    return own(user)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_code_goes_out_by_the_queue_and_confirms_the_phone(sandbox, user):
    before = len(sandbox.received(PHONE))
    own_phones.ask_code(user, PHONE, timezone.now())
    assert not own(user).is_confirmed
    work()
    [words] = sandbox.received(PHONE)[before:]
    own_phones.confirm(user, f" {words[13:16]} {words[16:19]}", timezone.now())
    assert own(user).is_confirmed
    assert str(own(user).subscriber.phone_number) == PHONE


def test_a_code_is_kept_hashed_and_counts_once(user):
    code = ask(user)
    assert code not in own(user).code
    own_phones.confirm(user, code, timezone.now())
    with pytest.raises(Refusal, match="does not count any more"):
        own_phones.confirm(user, code, timezone.now())


def test_a_code_counts_for_ten_minutes(user):
    code = ask(user, now=timezone.now() - timedelta(minutes=11))
    with pytest.raises(Refusal, match="does not count any more"):
        own_phones.confirm(user, code, timezone.now())


def test_after_five_wrong_codes_the_right_one_counts_no_more(user):
    code = ask(user)
    for _ in range(4):
        with pytest.raises(Refusal, match="not the code"):
            own_phones.confirm(user, wrong(code), timezone.now())
    for last in (wrong(code), code):
        with pytest.raises(Refusal, match="Ask for a new one"):
            own_phones.confirm(user, last, timezone.now())
    assert not own(user).is_confirmed


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "1234567", "١٢٣٤٥٦x"])
def test_what_is_no_code_costs_no_try(user, code):
    ask(user)
    with pytest.raises(Refusal, match="six digits"):
        own_phones.confirm(user, code, timezone.now())
    assert own(user).tries == 0


def test_a_newer_code_takes_the_place_of_the_older(user):
    old, new = ask(user), ask(user)
    if old != new:
        with pytest.raises(Refusal, match="not the code"):
            own_phones.confirm(user, old, timezone.now())
    own_phones.confirm(user, new, timezone.now())


def test_five_codes_an_hour_and_then_more(user):
    now = timezone.now()
    for _ in range(4):
        ask(user, now=now)
    own_phones.remove(user, now)
    ask(user, now=now)
    with pytest.raises(Refusal, match="Wait a while"):
        ask(user, OTHER, now=now)
    assert not Subscriber.objects.filter(phone_number=OTHER).exists()
    ask(user, now=now + timedelta(minutes=61))


def test_a_code_confirms_the_account_that_asked_for_it_alone(user):
    ask(user)
    code, stranger = ask(user), User.objects.create_user("sam")
    with pytest.raises(Refusal):
        own_phones.confirm(stranger, code, timezone.now())


def test_a_phone_that_has_opted_out_gets_no_code_and_who_asks_is_told_as_of_any_other(user):
    consent.opt_out(make_subscriber(PHONE), timezone.now(), "…")
    own_phones.ask_code(user, PHONE, timezone.now())
    assert not Message.objects.exists()
    assert own(user).has_code(timezone.now())
    assert not own(user).is_confirmed
    own_phones.remove(user, timezone.now())
    assert Subscriber.objects.get().opted_out_at


def test_each_try_counts_also_of_a_phone_that_gets_no_code(user):
    now = timezone.now()
    consent.opt_out(make_subscriber(PHONE), now, "…")
    for _ in range(5):
        own_phones.ask_code(user, PHONE, now)
    for number in (PHONE, OTHER):
        with pytest.raises(Refusal, match="Wait a while"):
            own_phones.ask_code(user, number, now)


def test_no_code_goes_to_a_country_that_is_not_texted(settings, user):
    settings.ALLOWED_COUNTRIES = {"US"}
    ask(user)
    with pytest.raises(Refusal, match="No texts go to the country"):
        own_phones.ask_code(user, "+881612345678", timezone.now())
    assert Subscriber.objects.count() == Message.objects.count() == 1


def test_while_everything_is_on_hold_there_are_no_codes(user):
    Hold.objects.create(reason="Wait")
    with pytest.raises(Refusal, match="on hold"):
        own_phones.ask_code(user, PHONE, timezone.now())


def test_nobody_reads_a_code_in_the_newsroom_as_long_as_it_counts(admin_client, user):
    code = ask(user)
    pages = [
        reverse("admin:subscribers_message_changelist"),
        f"{reverse('admin:subscribers_message_changelist')}?q={code}",
        reverse("admin:subscribers_subscriber_change", args=[own(user).subscriber_id]),
    ]
    assert not any(f"is {code}" in admin_client.get(page).text for page in pages)
    message = Message.objects.get()
    assert admin_client.get(reverse("admin:subscribers_message_change", args=[message.pk])).status_code == 302
    own_phones.confirm(user, code, timezone.now())
    assert f"is {code}" in admin_client.get(pages[0]).text


def test_another_number_ends_what_went_to_the_old_one_and_forgets_it(user):
    phone = confirmed(user).subscriber
    rehearsals.start(make_story(), phone, None, timezone.now())
    ask(user, OTHER)
    assert not own(user).is_confirmed
    assert [str(row.phone_number) for row in Subscriber.objects.all()] == [OTHER]
    assert not Enrollment.objects.exists()


def test_a_number_that_is_a_readers_stays_when_it_is_removed(user):
    reader = make_subscriber(PHONE)
    reading = make_enrollment(reader)
    rehearsals.start(make_story(), confirmed(user).subscriber, None, timezone.now())
    own_phones.remove(user, timezone.now())
    reading.refresh_from_db()
    assert reading.status == "active"
    assert Enrollment.objects.rehearsals().get().status == "stopped"
    assert own(user).subscriber is None


def test_a_number_that_has_texted_us_stays(user):
    make_inbound(confirmed(user).subscriber)
    own_phones.remove(user, timezone.now())
    assert Subscriber.objects.filter(phone_number=PHONE).exists()


def test_a_phone_that_colleagues_share_goes_on_when_one_removes_it(user):
    colleague = User.objects.create_user("sam", is_staff=True)
    phone = confirmed(user).subscriber
    assert confirmed(colleague).subscriber == phone
    rehearsals.start(make_story(), phone, None, timezone.now())
    own_phones.remove(user, timezone.now())
    assert Enrollment.objects.get().status == "active"
    assert own(colleague).is_confirmed


def test_a_code_that_has_not_left_yet_is_withdrawn_with_its_number(user):
    make_inbound(make_subscriber(PHONE))
    ask(user)
    own_phones.remove(user, timezone.now())
    assert Message.objects.get(direction="outbound").status == Message.Status.CANCELED
