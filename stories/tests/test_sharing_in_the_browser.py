"""The reader's page and the page that shares it in Chromium, on a computer, on a phone, and on paper."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from playwright.sync_api import expect

from stories.models import Story
from textengine.tests.accessibility import assert_accessible, assert_accessible_everywhere
from textengine.tests.chromium import new_page, share_login

from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

LONG_TITLE = "What the river remembers: fifty years of floods at the old mill, told by those who stayed"


@pytest.fixture
def story(settings, live_server):
    settings.PUBLIC_URL = live_server.url
    settings.NEWSROOM_NAME, settings.NEWSROOM_CONTACT = "The Example Post", "mailto:texts@example.org"
    settings.PRIVACY_URL = "https://example.org/privacy"
    summary = "In 1974 the water came at night. Eleven people tell what they carried upstairs, and what they left."
    return make_story([("text", 6 * 60 * 60)] * 12, title=LONG_TITLE, slug="river", keyword="river", summary=summary)


@pytest.fixture
def journalist(client):
    """Whoever is logged in writes the stories that are there."""
    user = User.objects.create_user("jo", is_staff=True)
    user.groups.add(Group.objects.get(name="Journalists"))
    user.stories.set(Story.objects.all())
    client.force_login(user)
    return client


def share_url(live_server, story) -> str:
    return live_server.url + reverse("admin:stories_story_share", args=[story.pk])


def test_the_readers_page_is_accessible(browser, live_server, story):
    with new_page(browser) as page:
        page.goto(live_server.url + story.get_absolute_url())
        assert_accessible_everywhere(page)


def test_on_a_phone_one_tap_opens_the_messages_and_there_is_no_code(browser, live_server, story):
    with new_page(browser, 390, 844, is_mobile=True, has_touch=True) as page:
        page.goto(live_server.url + story.get_absolute_url())
        button = page.get_by_role("link", name="Open my messages")
        assert button.get_attribute("href") == "sms:+15005550006?&body=RIVER"
        box = button.bounding_box()
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= 844
        expect(page.get_by_role("img")).to_be_hidden()


def test_on_a_computer_there_is_a_code_for_the_phone(browser, live_server, story):
    with new_page(browser) as page:
        page.goto(live_server.url + story.get_absolute_url())
        code = page.get_by_role("img", name="QR code: it opens your messages with RIVER written")
        expect(code).to_be_in_viewport(ratio=1)
        assert code.bounding_box()["width"] > 200


def test_a_page_asks_only_our_own_server_for_anything(browser, live_server, story, journalist):
    asked = []
    with new_page(browser) as page:
        share_login(page, journalist, live_server.url)
        page.on("request", lambda request: asked.append(request.url))
        for url in (live_server.url + story.get_absolute_url(), share_url(live_server, story)):
            page.goto(url, wait_until="networkidle")
    assert len(asked) > 6
    assert [url for url in asked if not url.startswith(live_server.url)] == []


def test_the_page_prints_as_one_sheet_with_the_code(browser, live_server, story):
    with new_page(browser, 390) as page:
        page.goto(live_server.url + story.get_absolute_url())
        for sheet in ("A5", "A4", "Letter"):
            assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=sheet))) == 1
        page.emulate_media(media="print")
        expect(page.locator("svg.qr")).to_be_visible()
        expect(page.get_by_role("link", name="Open my messages")).to_be_hidden()
        expect(page.get_by_text(f"{live_server.url}/s/river/")).to_be_visible()


def test_the_page_of_a_story_that_is_over_is_accessible_and_leads_on(browser, live_server, story):
    ended = make_story(title="The winter on the ice", status="archived")
    # Not new_page, for which a page that is gone has gone wrong.
    with browser.new_context() as context:
        page = context.new_page()
        assert page.goto(live_server.url + ended.get_absolute_url()).status == 410
        assert_accessible_everywhere(page)
        page.get_by_role("link", name=LONG_TITLE).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(LONG_TITLE)


def test_the_page_that_shares_is_accessible(browser, live_server, story, journalist):
    with new_page(browser) as page:
        share_login(page, journalist, live_server.url)
        page.goto(share_url(live_server, story))
        assert_accessible_everywhere(page)


def test_a_draft_says_accessibly_what_to_do(browser, live_server, journalist):
    with new_page(browser) as page:
        share_login(page, journalist, live_server.url)
        page.goto(share_url(live_server, make_story(status="draft", title="A draft")))
        assert_accessible_everywhere(page)
        page.get_by_role("link", name="To the story").click()
        expect(page.get_by_label("Title")).to_have_value("A draft")


WITHOUT_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"


@pytest.mark.parametrize("script", ["", WITHOUT_CLIPBOARD], ids=["with TLS", "without TLS"])
def test_what_stands_beside_a_button_is_copied(browser, live_server, story, journalist, script):
    """Browsers lend a clipboard to the scripts of pages with TLS; on the others, what is selected is copied."""
    with new_page(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        share_login(page, journalist, live_server.url)
        page.add_init_script(script)
        page.goto(share_url(live_server, story))
        area = page.get_by_role("textbox", name="For an article")
        snippet = area.input_value()
        for name, words in (
            ("Copy the snippet", snippet.rstrip()),
            ("Copy what readers text", "Text RIVER to +1 500-555-0006"),
            ("Copy the link that opens messages", "sms:+15005550006?&body=RIVER"),
            ("Copy the page’s address", f"{live_server.url}/s/river/"),
        ):
            page.get_by_role("button", name=name).click()
            expect(page.get_by_role("status").filter(has_text="Copied")).to_be_attached()
            assert pasted(area) == words


def pasted(area) -> str:
    """Return what the clipboard holds, put into a text area as a person would."""
    area.evaluate("area => { area.readOnly = false; area.value = ''; }")
    area.press("Control+V")
    return area.input_value().rstrip()


def test_without_scripts_everything_is_there_to_be_selected(browser, live_server, story, journalist):
    with new_page(browser, java_script_enabled=False) as page:
        share_login(page, journalist, live_server.url)
        page.goto(share_url(live_server, story))
        expect(page.get_by_text("sms:+15005550006?&body=RIVER")).to_be_visible()
        expect(page.get_by_role("textbox", name="For an article")).to_have_value(re.compile("^<aside"))
        expect(page.get_by_role("button", name=re.compile("^Copy"))).to_have_count(0)


def test_the_code_is_downloaded_under_the_storys_name(browser, live_server, story, journalist):
    with new_page(browser) as page:
        share_login(page, journalist, live_server.url)
        page.goto(share_url(live_server, story))
        for kind in ("SVG", "PNG"):
            with page.expect_download() as download:
                page.get_by_role("link", name=f"Download {kind}").click()
            assert download.value.suggested_filename == f"river-qr.{kind.lower()}"


def test_the_snippet_is_shown_as_it_will_look_on_light_and_dark_pages(browser, live_server, story, journalist):
    with new_page(browser, 390) as page:
        share_login(page, journalist, live_server.url)
        page.goto(share_url(live_server, story))
        for scheme in ("light", "dark"):
            frame = page.frame_locator(f'iframe[title="The snippet on a {scheme} page"]')
            button = frame.get_by_role("link", name="Open my messages")
            expect(button).to_be_visible()
            assert button.evaluate("link => getComputedStyle(link).backgroundColor") == "rgb(31, 95, 214)"
        for scheme in ("light", "dark"):
            page.goto(f"{share_url(live_server, story)}snippet/{scheme}/")
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") == 390
