"""The page from which a story is texted to its writer: who may do what, and what it says."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers import consent, own_phones
from subscribers.models import Enrollment, Message, OwnPhone, Subscriber

from .engine import work

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.once]

PHONE = "+14155550123"
ACTIONS = ["phone", "code", "remove", "start", "stop"]


@pytest.fixture
def story():
    return make_story([("One", 0), ("Two", 172_800)], status="draft")


@pytest.fixture
def jo():
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    return user


@pytest.fixture
def journalist(client, jo):
    client.force_login(jo)
    return client


def page_of(story) -> str:
    return reverse("rehearse", args=[story.pk])


def press(client, story, action: str, **fields):
    return client.post(page_of(story), {"do": action, **fields}, follow=True)


def confirm(client, story, number: str = PHONE):
    press(client, story, "phone", number=number)
    return press(client, story, "code", code=re.search(r"\d{6}", Message.objects.latest("pk").body)[0])


def compressed(client, story, total: str = "30 seconds"):
    return press(client, story, "start", speed="compressed", total=total)


def test_a_journalist_confirms_a_phone_and_rehearses_a_draft(sandbox, journalist, story):
    before = len(sandbox.received(PHONE))
    assert "Your phone is confirmed." in confirm(journalist, story).text
    page = compressed(journalist, story)
    assert "On its way to your phone. It takes about 30 seconds." in page.text
    work()
    assert sandbox.received(PHONE)[before:][-1] == "One"
    assert "1 of 2 texts were sent." in journalist.get(reverse("rehearse-progress", args=[story.pk])).text


def test_nobody_and_who_may_not_change_stories_gets_nowhere(client, story):
    addresses = [page_of(story), reverse("rehearse-progress", args=[story.pk])]
    for address in addresses:
        assert client.get(address).url.startswith(reverse("admin:login"))
    for action in ACTIONS:
        assert client.post(addresses[0], {"do": action, "number": PHONE}).status_code == 302
    reader = User.objects.create_user("sam", is_staff=True)
    reader.user_permissions.add(*Group.objects.get(name="Editors").permissions.filter(codename__startswith="view_"))
    client.force_login(reader)
    assert [client.get(address).status_code for address in addresses] == [403, 403]
    for action in ACTIONS:
        fields = {"do": action, "number": PHONE, "code": "123456", "speed": "true"}
        assert client.post(addresses[0], fields).status_code == 403
    client.force_login(User.objects.create_user("pat"))
    assert client.post(addresses[0], {"do": "start", "speed": "true"}).status_code == 302
    assert [model.objects.count() for model in (OwnPhone, Subscriber, Enrollment)] == [0, 0, 0]


def test_a_post_without_its_token_is_refused(jo, story):
    client = Client(enforce_csrf_checks=True)
    client.force_login(jo)
    assert client.post(page_of(story), {"do": "phone", "number": PHONE}).status_code == 403


def test_looking_changes_nothing(journalist, story):
    assert journalist.get(page_of(story), {"do": "phone", "number": PHONE}).status_code == 200
    assert journalist.post(reverse("rehearse-progress", args=[story.pk])).status_code == 405
    assert not OwnPhone.objects.exists()


def test_a_story_that_is_not_there_has_no_page(journalist):
    assert journalist.get(reverse("rehearse", args=[99_999])).status_code == 404


@pytest.mark.parametrize("number", [PHONE, "(415) 555-0123", "415 555 0123", "+1 415 555 0123"])
def test_a_number_may_be_written_as_people_do(settings, journalist, story, number):
    settings.TWILIO_NUMBER = "+15005550006"
    press(journalist, story, "phone", number=number)
    assert str(Subscriber.objects.get().phone_number) == PHONE


@pytest.mark.parametrize("number", ["", "12", "hello", "+1 555"])
def test_what_is_no_number_is_refused_in_plain_words(journalist, story, number):
    page = press(journalist, story, "phone", number=number)
    assert "Enter the number of your phone." in page.text or "This is no phone number." in page.text
    assert not Subscriber.objects.exists()


def test_the_number_that_stories_come_from_is_nobodys_phone(settings, journalist, story):
    settings.TWILIO_NUMBER = "+15005550006"
    assert "Enter that of your own phone." in press(journalist, story, "phone", number="+1 500 555 0006").text
    assert not Subscriber.objects.exists()


def test_without_a_number_of_ours_a_country_code_is_needed(settings, journalist, story):
    settings.TWILIO_NUMBER = ""
    assert "with its country code" in press(journalist, story, "phone", number="415 555 0123").text


def test_a_wrong_code_is_said_to_be_wrong(journalist, story):
    press(journalist, story, "phone", number=PHONE)
    right = re.search(r"\d{6}", Message.objects.get().body)[0]
    page = press(journalist, story, "code", code=f"{(int(right) + 1) % 1_000_000:06}")
    assert "That is not the code that was texted to this phone." in page.text
    assert "Text me this story</button>" not in page.text


def test_a_story_is_not_texted_to_a_phone_that_is_not_confirmed(journalist, story):
    press(journalist, story, "phone", number=PHONE)
    assert "First enter your phone’s number" in compressed(journalist, story).text
    assert not Enrollment.objects.exists()


def test_a_phone_that_opted_out_is_told_so(journalist, story):
    confirm(journalist, story)
    consent.opt_out(Subscriber.objects.get(), timezone.now(), "the reader texted STOP")
    assert own_phones.OPTED_OUT in journalist.get(page_of(story)).text
    compressed(journalist, story)
    assert not Enrollment.objects.exists()


def test_a_story_without_texts_cannot_be_rehearsed(journalist):
    story = make_story([], status="draft")
    assert "There is no text yet." in confirm(journalist, story).text
    compressed(journalist, story)
    assert not Enrollment.objects.exists()


def test_it_says_where_a_story_that_is_not_ready_will_break_off(journalist):
    story = make_story([("One", 0), ("", 60)], status="draft")
    page = confirm(journalist, story)
    assert "It will break off at text 2: Write a text or choose a picture." in page.text
    assert "On its way" in compressed(journalist, story).text


@pytest.mark.parametrize("total", ["soon", "at 8:00", "", "right away"])
def test_how_long_it_may_take_is_a_length_of_time(journalist, story, total):
    confirm(journalist, story)
    page = compressed(journalist, story, total)
    assert 'class="errorlist"' in page.text
    assert not Enrollment.objects.exists()


def test_at_true_speed_what_is_written_for_the_other_does_not_matter(journalist, story):
    confirm(journalist, story)
    page = press(journalist, story, "start", speed="true", total="soon")
    assert "It takes about 2 days." in page.text
    assert Enrollment.objects.get().pace == 1


def test_a_rehearsal_is_stopped_and_only_on_ones_own_phone(client, journalist, story, jo):
    confirm(journalist, story)
    compressed(journalist, story)
    colleague = Client()
    sam = User.objects.create_superuser("sam")
    colleague.force_login(sam)
    press(colleague, story, "stop")
    assert "data-rehearsal" not in colleague.get(page_of(story)).text
    assert Enrollment.objects.get().status == "active"
    page = press(journalist, story, "stop")
    assert "Stopped after 0 of 2 texts." in page.text
    assert 'data-again="0"' in page.text


def test_saving_leads_on_to_the_rehearsal(admin_client, story):
    page = admin_client.get(reverse("admin:stories_story_change", args=[story.pk]))
    assert page_of(story) in page.text
    forms = page.context["adminform"].form.initial
    formset = page.context["inline_admin_formsets"][0].formset
    fields = {
        "title": "Changed",
        "slug": forms["slug"],
        "weight": 1,
        "_rehearse": "1",
        "_version": page.context["version"],
    }
    fields |= {f"{formset.prefix}-{name}": value for name, value in formset.management_form.initial.items()}
    for form in formset.initial_forms:
        fields |= {f"{form.prefix}-id": form.instance.pk, f"{form.prefix}-body": form.instance.body}
        fields |= {f"{form.prefix}-wait": "0", f"{form.prefix}-ORDER": form.instance.position}
    answer = admin_client.post(reverse("admin:stories_story_change", args=[story.pk]), fields)
    assert answer.url == page_of(story)
    story.refresh_from_db()
    assert story.title == "Changed"


def test_who_may_only_look_is_offered_no_rehearsal(client, story):
    reader = User.objects.create_user("sam", is_staff=True)
    story.authors.add(reader)
    reader.user_permissions.add(*Group.objects.get(name="Editors").permissions.filter(codename__startswith="view_"))
    client.force_login(reader)
    page = client.get(reverse("admin:stories_story_change", args=[story.pk]))
    assert page.status_code == 200
    assert page_of(story) not in page.text
