"""An article of 3,000 words becomes a published story, in the steps of the journalist's guide, and is read."""

import re

import pytest
from playwright.sync_api import expect

from stories.models import Story
from stories.tests.picture_server import Answer, PictureServer
from stories.tests.pictures import make_noise
from subscribers.models import Message

from .chromium import new_page
from .processes import ROOT, Processes, wait_until
from .test_in_the_browser import log_in, open_phones, phone, text_from
from .test_whole_way import READER

ARTICLE = ROOT / "stories" / "tests" / "articles" / "seven-nights-on-line-9.txt"
GUIDE = ROOT / "docs" / "journalists.md"
PICTURES_HOST = "https://pictures.example.org"
STEPS = "## From an article to a published story, in five minutes"


@pytest.fixture
def pictures():
    with PictureServer() as server:
        for name in re.findall(rf"{PICTURES_HOST}(/\S+\.jpg)", ARTICLE.read_text()):
            server.link(name, Answer(make_noise("JPEG", (320, 240)), "image/jpeg"))
        yield server


@pytest.fixture
def processes(transactional_db, django_db_serialized_rollback, tmp_path, pictures):
    """Web, worker and sandbox, where the article's pictures are on this machine."""
    with Processes(media_root=tmp_path, pictures_port=pictures.port) as processes:
        yield processes


class Journalist:
    """Whoever does what the guide says on the page, and remembers what was pressed."""

    def __init__(self, page):
        self.page = page
        self.pressed: list[str] = []

    def press(self, name: str) -> None:
        found = self.page.get_by_role("link", name=name, exact=True)
        # The name of the group above "Stories" is the same.
        found.or_(self.page.get_by_role("button", name=name, exact=True)).last.click()
        self.pressed.append(name)


def steps_in_guide() -> list[str]:
    """Return the words in bold of the guide's steps, which are what is pressed, in order."""
    section = GUIDE.read_text().partition(STEPS)[2].partition("\n## ")[0]
    return re.findall(r"\*\*(.+?)\*\*", "".join(re.findall(r"(?ms)^\d\. .*?(?=^\d\. |\n\n\S)", section)))


@pytest.mark.slow
def test_an_article_pasted_as_a_script_is_published_and_read_in_the_steps_of_the_guide(processes, browser, pictures):
    article = ARTICLE.read_text().replace(PICTURES_HOST, pictures.url)
    assert 2800 < len(article.split()) < 3400
    with new_page(browser) as page, new_page(browser) as phones:
        log_in(page, processes, "journalist", "Journalists")
        journalist = Journalist(page)
        journalist.press("Stories")
        journalist.press("Import a story")
        page.get_by_label("or paste it here").fill(article)
        journalist.press("Preview")
        expect(page.get_by_text("A new story.")).to_be_visible()
        expect(page.locator(".facts")).to_contain_text("54 texts")
        journalist.press("Save")
        page.get_by_label("A reader starts").select_option("this evening")
        expect(page.locator(".phone .thread")).to_contain_text("19:00")
        journalist.press("Publish")
        expect(page.locator(".messagelist .success")).to_contain_text("Published. Readers can text NIGHTBUS")
        assert journalist.pressed == steps_in_guide()
        open_phones(phones, processes, READER)
        text_from(phones, "Nightbus")
        bubbles = phone(phones).locator(".bubble--from-us")
        expect(bubbles).to_have_count(3)
        expect(bubbles.nth(0)).to_contain_text("the only bus that runs when all others have gone home")
        expect(bubbles.nth(1)).to_contain_text("The first stop is at the railway station")
        expect(bubbles.nth(1).locator("img")).to_be_visible()
    assert Story.objects.readable().get().texts.count() == 54
    waiting = Message.objects.story_texts().filter(sent_at=None)
    assert wait_until(lambda: waiting.first()).text.position == 4
