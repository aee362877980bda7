"""The pages of the reply desk: who may do what, and what they say."""

from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse
from django.utils import timezone

from subscribers import consent, writing
from subscribers.models import Access, Message, Remark, Reply, Tag
from subscribers.reply_desk import answering

from .desk import make_readers, make_remark, write
from .factory import make_enrollment, make_subscriber
from .test_races import ROUNDS, at_once

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

DESK = "admin:subscribers_remark_changelist"


def account(name: str, group: str = "", *permissions: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    if group:
        user.groups.add(Group.objects.get(name=group))
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def editor(client):
    client.force_login(account("sam", "Editors"))
    return client


def do(client, remark: Remark, action: str, **fields):
    return client.post(reverse("admin:subscribers_remark_do", args=[remark.pk]), {"do": action, **fields}, follow=True)


def send(client, remark: Remark, body: str, key=None, known: int = 0):
    prefix = f"a{remark.pk}"
    fields = {"body": body, "key": key or uuid4(), "known": known}
    return do(client, remark, "answer", **{f"{prefix}-{name}": value for name, value in fields.items()})


def test_what_came_in_stands_on_the_page_at_once(editor):
    enrollment = make_enrollment(sent=1)
    write(enrollment, "Is <b>this</b> true?")
    page = editor.get(reverse(DESK))
    assert "Is &lt;b&gt;this&lt;/b&gt; true?" in page.text
    assert str(enrollment.subscriber) in page.text


def test_opening_marks_as_read_for_all_and_says_by_whom(editor):
    remark = make_remark()
    assert "by sam" in do(editor, remark, "open").text
    first = Remark.objects.get()
    assert (first.read_by.username, first.read_at is not None) == ("sam", True)
    editor.force_login(account("pat", "Editors"))
    assert "by sam" in do(editor, remark, "open").text
    do(editor, remark, "unread")
    assert Remark.objects.get().read_at is None


def test_looking_at_the_page_of_a_text_marks_nothing(editor):
    remark = make_remark()
    assert editor.get(reverse("admin:subscribers_remark_change", args=[remark.pk])).status_code == 200
    assert Remark.objects.get().read_at is None


def test_a_group_is_marked_as_read_up_to_what_was_seen(editor):
    seen, later = make_readers(2)
    group = f"{seen.story_id}-{seen.text_id}"
    page = editor.post(reverse("admin:subscribers_remark_read"), {"group": group, "up_to": seen.pk}, follow=True)
    assert "Marked as read: 1 reply." in page.text
    assert list(Remark.objects.unread()) == [later]


def test_tags_go_on_and_off_and_editors_make_their_own(editor):
    editor.post(reverse("admin:subscribers_tag_add"), {"name": "Memory"})
    remark, tag = make_remark(), Tag.objects.get(name="Memory")
    do(editor, remark, "tag", tag=tag.pk)
    assert list(remark.tags.all()) == [tag]
    do(editor, remark, "tag", tag=tag.pk)
    assert list(remark.tags.all()) == []


def test_consent_says_how_when_and_who_wrote_it_down(editor):
    remark = make_remark()
    assert "Say how the reader said so" in do(editor, remark, "quote", quoting="granted").text
    assert "On the phone" in do(editor, remark, "quote", quoting="granted", how="On the phone").text
    remark.refresh_from_db()
    assert (remark.quoting, remark.quoting_how, remark.quoting_by.username) == ("granted", "On the phone", "sam")
    assert remark.quoting_at <= timezone.now()
    assert "May be quoted" in LogEntry.objects.latest("pk").change_message


def test_a_readers_own_yes_is_kept_as_the_consent(editor):
    enrollment = make_enrollment(sent=1)
    remark = make_remark(enrollment, "I was there.")
    answering.answer(remark, answering.QUOTE_WORDS, None, timezone.now(), uuid4(), asks_to_quote=True)
    yes = make_remark(enrollment, "Yes, gladly")
    page = editor.get(reverse("admin:subscribers_remark_change", args=[yes.pk]))
    assert "We had asked this reader whether we may quote" in page.text
    do(editor, yes, "quote", quoting="granted", answers="1")
    remark.refresh_from_db()
    assert remark.quoting == "granted"
    assert "“Yes, gladly”" in remark.quoting_how


def test_a_note_is_for_colleagues_and_goes_to_no_phone(editor):
    remark = make_remark()
    before = Message.objects.count()
    assert "Ask the archive." in do(editor, remark, "note", note="Ask the archive.").text
    assert remark.notes.get().created_by.username == "sam"
    assert Message.objects.count() == before


def test_an_answer_is_sent_once_and_stands_with_the_text(editor):
    remark, key = make_remark(), uuid4()
    for _ in range(2):
        page = send(editor, remark, "It is\r\ntrue.", key)
    assert "It is<br>true." in page.text
    message = Message.objects.get(body="It is\ntrue.")
    assert message.written_by.username == "sam"


def test_who_answers_after_somebody_else_is_told_and_sends_only_when_that_is_meant(editor):
    remark, pat = make_remark(), account("pat")
    answering.answer(remark, "It is not.", pat, timezone.now(), uuid4())
    first = Message.objects.get(body="It is not.")
    page = send(editor, remark, "It is.")
    at = f"{timezone.localtime(first.created_at):%H:%M}"
    assert f"{remark.subscriber} was answered by pat at {at}: “It is not.” Send yours as well?" in page.text
    assert "Send mine as well" in page.text
    assert not Message.objects.filter(body="It is.").exists()
    known = page.context["form"]["known"].value()
    assert known == first.pk
    send(editor, remark, "It is.", known=known)
    assert Message.objects.filter(body="It is.").count() == 1


def test_what_was_written_on_the_readers_page_is_told_at_the_desk(editor):
    remark = make_remark()
    writing.reply(remark.subscriber_id, "It is not.", account("pat"), timezone.now())
    assert "was answered by pat at" in do(editor, remark, "open").text
    assert "Send yours as well?" in send(editor, remark, "It is.").text


def test_of_two_who_answer_at_the_same_moment_one_is_asked():
    for _ in range(ROUNDS):
        remark, editors = make_remark(), [account(f"e{uuid4()}") for _ in range(2)]

        def answers(remark=remark, user=None):
            try:
                answering.answer(remark, "It is.", user, timezone.now(), uuid4())
            except writing.AnsweredMeanwhile as asked:
                return asked.known
            return None

        told = at_once(*[lambda user=user, answers=answers: answers(user=user) for user in editors])
        [sent] = Message.objects.filter(subscriber=remark.subscriber_id, body="It is.")
        assert sorted(told, key=bool) == [None, sent.pk]


@pytest.mark.parametrize(
    ("body", "words"), [("", "There is nothing to send."), ("x" * 1601, "the carrier takes 1600 characters")]
)
def test_an_answer_that_cannot_go_out_says_why(editor, body, words):
    assert words in send(editor, make_remark(), body).text.replace("\xa0", " ")
    assert not Reply.objects.exists()


def test_who_has_opted_out_has_no_field_to_answer_in(editor):
    remark = make_remark()
    consent.opt_out(remark.subscriber, timezone.now(), "the reader texted STOP")
    page = send(editor, remark, "It is true.")
    assert "This reader has texted STOP" in page.text
    assert "<textarea name=" not in page.text.split("Notes for colleagues")[0]
    assert not Message.objects.filter(body="It is true.").exists()


def test_one_answer_to_each_is_counted_before_it_goes_out(editor):
    first, *others = make_readers(3)
    consent.opt_out(others[0].subscriber, timezone.now(), "the reader texted STOP")
    address = reverse("admin:subscribers_remark_answer", args=[first.story_id, first.text_id])
    initial = editor.get(address).context["form"].initial
    fields = {"body": "Thank you all.", "unanswered_only": "on", "key": initial["key"], "up_to": initial["up_to"]}
    page = editor.post(address, fields)
    assert "It goes to 2 readers" in page.text
    assert "1 left out: opted out" in page.text
    seen = page.context["form"].says
    assert "It goes to 2 readers" in editor.post(address, fields | {"body": "Thanks!", "send": seen}).text
    assert not Reply.objects.exists()
    for _ in range(2):
        page = editor.post(address, fields | {"send": seen}, follow=True)
        assert "0 of 2 readers" in page.text
    reply = Reply.objects.get()
    while answering.go_on(reply.pk, timezone.now()):
        pass
    assert Message.objects.filter(body="Thank you all.").count() == 2
    assert "2 of 2 readers" in editor.get(page.redirect_chain[-1][0]).text


def test_who_was_answered_after_the_preview_is_left_out_and_it_says_how_many(editor):
    first, second, third = make_readers(3)
    address = reverse("admin:subscribers_remark_answer", args=[first.story_id, first.text_id])
    initial = editor.get(address).context["form"].initial
    fields = {"body": "Thank you all.", "unanswered_only": "on", "key": initial["key"], "up_to": initial["up_to"]}
    preview = editor.post(address, fields)
    seen = {"seen": preview.context["preview"].readers, "until": preview.context["until"].isoformat()}
    assert f'name="until" value="{seen["until"]}"' in preview.text
    answering.answer(second, "Thanks.", account("pat"), timezone.now(), uuid4())
    page = editor.post(address, fields | seen | {"send": preview.context["form"].says}, follow=True)
    answering.answer(third, "Thanks.", account("kim"), timezone.now(), uuid4())
    while answering.go_on(Reply.objects.get(is_to_group=True).pk, timezone.now()):
        pass
    page = editor.get(page.redirect_chain[-1][0]).text
    assert list(Message.objects.filter(body="Thank you all.").values_list("subscriber", flat=True)) == [
        first.subscriber_id
    ]
    assert "1 of 3 readers" in page
    assert "2 left out: somebody else has answered meanwhile" in page


def test_one_answer_to_nobody_is_refused(editor):
    remark = make_remark()
    consent.opt_out(remark.subscriber, timezone.now(), "the reader texted STOP")
    address = reverse("admin:subscribers_remark_answer", args=[remark.story_id, remark.text_id])
    fields = {"body": "Thank you.", "key": uuid4(), "up_to": remark.pk, "send": "any"}
    assert "Nobody is left to answer." in editor.post(address, fields).text
    assert not Reply.objects.exists()


def test_each_may_do_what_their_permissions_say(client):
    remark = make_remark()
    one, group = reverse("admin:subscribers_remark_change", args=[remark.pk]), [remark.story_id, remark.text_id]
    pages = [reverse(DESK), one, reverse("admin:subscribers_remark_answer", args=group)]
    assert client.get(pages[0]).url.startswith(reverse("admin:login"))
    client.force_login(account("nobody"))
    assert [client.get(page).status_code for page in pages] == [403, 403, 403]
    assert do(client, remark, "open").status_code == 403
    client.force_login(account("looker", "", "view_remark"))
    assert [client.get(page).status_code for page in pages] == [200, 200, 403]
    assert do(client, remark, "open").status_code == 200
    assert Remark.objects.get().read_at is None
    for action in ("read", "unread", "tag", "quote", "note", "answer"):
        assert do(client, remark, action).status_code == 403
    assert client.post(reverse("admin:subscribers_remark_read"), {}).status_code == 403
    client.force_login(account("jo", "Journalists"))
    assert [client.get(page).status_code for page in pages] == [403, 403, 403]
    assert send(client, remark, "It is true.").status_code == 403
    client.force_login(account("eddie", "Editors"))
    assert [client.get(page).status_code for page in pages] == [200, 200, 200]
    assert send(client, remark, "It is true.").status_code == 200


@pytest.mark.parametrize("permissions", [["view_remark"], ["view_remark", "view_subscriber", "see_numbers"]])
def test_numbers_are_masked_for_everybody(client, permissions):
    remark = make_remark(make_enrollment(make_subscriber("+12125559876"), sent=1))
    client.force_login(account("jo", "", *permissions, "add_reply"))
    for page in (client.get(reverse(DESK)), do(client, remark, "open")):
        assert "+1 … 76" in page.text
        assert "9876" not in page.text


def test_only_who_may_see_readers_is_led_to_them(client):
    remark = make_remark()
    for name, permissions in (("looker", ["view_remark"]), ("reader", ["view_remark", "view_subscriber"])):
        client.force_login(account(name, "", *permissions))
        page = client.get(reverse("admin:subscribers_remark_change", args=[remark.pk])).text
        assert (reverse("admin:subscribers_subscriber_change", args=[remark.subscriber_id]) in page) == (
            "view_subscriber" in permissions
        )


def test_who_opens_what_a_reader_wrote_is_on_record(editor):
    remark = make_remark()
    editor.get(reverse(DESK))
    assert not Access.objects.exists()
    do(editor, remark, "open")
    editor.get(reverse("admin:subscribers_remark_history", args=[remark.pk]))
    editor.get(reverse("admin:subscribers_remark_change", args=[99_999]))
    seen = Access.objects.order_by("pk").values_list("who", "what", "subscriber", "about")
    shown = str(remark.subscriber)
    assert list(seen) == [
        ("sam", "page", remark.subscriber_id, f"reader’s reply, {shown}"),
        ("sam", "page", remark.subscriber_id, f"reader’s reply, {shown}"),
        ("sam", "page", remark.subscriber_id, f"history of the reader’s reply, {shown}"),
    ]


@pytest.mark.parametrize(
    "query", ["?group=x", "?group=1-99999", "?after=r9;", "?after=u0", "?story=x&tag=-1&state=no&period=x", "?q=%00"]
)
def test_an_address_that_makes_no_sense_shows_something(editor, query):
    make_remark()
    assert editor.get(reverse(DESK) + query).status_code == 200


def test_what_is_not_there_is_not_found(editor):
    assert editor.get(reverse("admin:subscribers_remark_change", args=[99_999])).status_code == 404
    assert editor.get(reverse("admin:subscribers_remark_answer", args=[99_999, 0])).status_code == 404
    remark = make_remark()
    assert do(editor, remark, "burn").status_code == 400
    assert do(editor, remark, "tag", tag="x").status_code == 404


def test_the_page_asks_the_database_as_often_for_many_as_for_few(editor, django_assert_max_num_queries):
    make_readers(6)
    editor.get(reverse(DESK))
    with django_assert_max_num_queries(22):
        editor.get(reverse(DESK))
