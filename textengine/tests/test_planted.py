"""What readers and journalists write, and what files are called, is never part of a page: in Chromium, and in files."""

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from stories.tests.factory import make_story
from stories.tests.pictures import make_picture
from stories.tests.test_admin import form_of, page_of
from subscribers.models import Hold, Tag
from subscribers.tests.desk import make_remark
from subscribers.tests.factory import make_enrollment

from .chromium import new_page

PLANTED = """'"><img class=planted src=x onerror="alert(1)"><script class=planted>alert(1)</script>"""


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_nothing_that_anybody_wrote_becomes_a_part_of_a_page_or_runs(browser, live_server, client):
    client.force_login(User.objects.create_superuser("root", first_name=PLANTED))
    story = make_story([(PLANTED, 0), ("Two", 86_400)], title=PLANTED, slug="planted", keyword="planted")
    enrollment = make_enrollment(story=story, sent=1)
    make_remark(enrollment, PLANTED)
    Hold.objects.create(story=story, reason=PLANTED)
    Tag.objects.update_or_create(pk=1, defaults={"name": "<img class=planted src=x>"})
    pages = [
        reverse("today"),
        reverse("admin:stories_story_change", args=[story.pk]),
        reverse("admin:subscribers_subscriber_change", args=[enrollment.subscriber_id]),
        reverse("admin:subscribers_remark_changelist"),
        "/s/planted/",
    ]
    # The page's own policy would keep a script from running; here it is off, so that nothing but the words count.
    with new_page(browser, bypass_csp=True) as page:
        page.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
        )
        page.on("dialog", lambda dialog: pytest.fail(f"A script ran: {dialog.message}"))
        for address in pages:
            page.goto(live_server.url + address)
            if "remark" in address:
                page.keyboard.press("j")
                page.keyboard.press("Enter")
                page.locator("[data-opened]").wait_for()
            page.wait_for_load_state("networkidle")
            assert "class=planted" in page.locator("body").text_content(), address
            assert page.locator(".planted").count() == 0, address


NAMES = ['"><b class=planted>.jpg', "<b class=planted>.txt", "a.jpg\r\nX-Planted: yes", "../../../planted.html"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [make_picture("PNG"), b"<script>alert(1)</script>"], ids=["picture", "script"])
def test_a_files_name_is_forgotten_or_shown_as_text(client, settings, name, content):
    client.force_login(User.objects.create_superuser("root"))
    story = make_story([("One", 0)])
    change = page_of(story)
    form = form_of(story, [{"media": SimpleUploadedFile(name, content)}])
    html = client.post(change, form, follow=True).content.decode()
    html += client.post(
        reverse("admin:stories_story_import"), {"file": SimpleUploadedFile(name, content)}
    ).content.decode()
    assert "<b class=planted>" not in html
    stored = [path.name for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert all(path.endswith(".png") and "planted" not in path for path in stored)
    assert len(stored) == (1 if story.texts.get().media else 0)
