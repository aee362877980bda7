"""Take the pictures of README and of the guides from the running program: `make screenshots`.

It starts web, worker and sandbox on a database of its own, and does in Chromium what the guide tells, in its order:
each step is a function that leaves the newsroom as the next one finds it.
"""

import os
import re
import sys
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "screenshots"
ARTICLE = ROOT / "stories" / "tests" / "articles" / "seven-nights-on-line-9.txt"
READERS = ["+14155550123", "+14155550188", "+14155550142", "+14155550167"]
DESK, NIGHT_DESK, EDITOR, CHIEF = "news-desk", "night-desk", "editor", "desk-chief"
PASSWORD = "only-for-pictures"  # noqa: S105
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 780}


def main() -> None:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DJANGO_SETTINGS_MODULE"] = "textengine.tests.settings"
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/pictures.sqlite3"
        os.environ["MEDIA_ROOT"] = folder
        import django

        django.setup()
        take_pictures(Path(folder))


def take_pictures(folder: Path) -> None:
    from django.core.management import call_command

    from stories.sample import load_sample_story
    from textengine.tests.chromium import launched
    from textengine.tests.processes import Processes

    call_command("migrate", verbosity=0)
    make_accounts()
    load_sample_story()
    write_together(SAMPLES)
    with Processes(media_root=folder, quiet_hours="21:00 to 8:00") as processes, launched() as browser:
        newsroom = Newsroom(processes, browser)
        read_sample_story(newsroom)
        with newsroom.window() as page:
            for step in (
                log_in,
                see_stories,
                import_with_a_problem,
                import_article,
                see_a_story,
                see_segments,
                see_nights,
                rehearse,
                publish,
                correct,
                share,
                see_history,
                save_at_the_same_time,
            ):
                step(newsroom, page)
        see_where_readers_are(newsroom)
        see_a_reader(newsroom)
        send_correction(newsroom)
        see_replies(newsroom)
        see_as_desk_chief(newsroom)
        see_today(newsroom)


class Newsroom:
    """The running program, and windows onto it."""

    def __init__(self, processes, browser):
        self.processes, self.browser = processes, browser

    def window(self, size: dict = WIDE, **options):
        from textengine.tests.chromium import new_page

        return new_page(self.browser, **size, **options)

    def open(self, page, address: str) -> None:
        page.goto(f"{self.processes.url}{address}")

    def open_story(self, page, title: str) -> None:
        self.open(page, f"/admin/stories/story/{story_of(title).pk}/change/")
        page.locator(".phone .bubble").first.wait_for()


def story_of(title: str):
    from stories.models import Story

    return Story.objects.get(title=title)


OURS, SAMPLES = "Seven Nights on Line 9", "Three Minutes at Halmey"


def make_accounts() -> None:
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import Group, User

    password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    roles = ((DESK, "Journalists"), (NIGHT_DESK, "Journalists"), (EDITOR, "Editors"), (CHIEF, "Desk chiefs"))
    for name, group in roles:
        User.objects.create(username=name, password=password, is_staff=True).groups.add(Group.objects.get(name=group))


def write_together(title: str) -> None:
    """Make this story that of both desks."""
    from django.contrib.auth.models import User

    story_of(title).authors.set(User.objects.filter(username__in=[DESK, NIGHT_DESK]))


def read_sample_story(newsroom: Newsroom) -> None:
    """Let readers come to different places of the sample story, and look at two of their phones."""
    sandbox = newsroom.processes.sandbox
    for place, reader in enumerate(READERS):
        sandbox.text(reader, "ferry")
        read_on(reader, texts=(4, 2, 10, 7)[place])
    sandbox.text(READERS[1], "stop")
    with newsroom.window() as page:
        page.goto(f"{sandbox.url}/?phone=%2B{READERS[0][1:]}&phone=%2B{READERS[1][1:]}")
        page.locator(".bubble img").first.wait_for()
        photograph(page, "phones")


def read_on(reader: str, texts: int) -> None:
    """Let this reader have so many texts, skipping the waits."""
    from django.utils import timezone

    from subscribers.models import Enrollment
    from subscribers.scheduling import send_next_now
    from textengine.tests.processes import wait_until

    enrollment = Enrollment.objects.filter(subscriber__phone_number=reader).latest("pk")
    for step in range(1, texts + 1):
        send_next_now([enrollment.pk], timezone.now())
        wait_until(lambda step=step: Enrollment.objects.get(pk=enrollment.pk).step >= step, 20)


def log_in(newsroom: Newsroom, page, name: str = DESK) -> None:
    newsroom.open(page, "/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    if name == DESK:
        photograph(page, "log-in", height=470)
    press(page, "Log in")
    page.get_by_role("button", name="Log out").wait_for()


def see_stories(newsroom: Newsroom, page) -> None:
    newsroom.open(page, "/admin/stories/story/")
    photograph(page, "stories", height=420)


def article() -> str:
    """Return the article as it is pasted: its pictures are chosen later."""
    return re.sub(r"!\[.*\n\n", "", ARTICLE.read_text())


def import_with_a_problem(newsroom: Newsroom, page) -> None:
    newsroom.open(page, "/admin/stories/story/import/")
    page.get_by_label("or paste it here").fill(article().replace("=== 20 minutes ===", "=== a while ===", 1))
    press(page, "Preview")
    page.get_by_role("alert").get_by_role("button", name="Line").click()
    photograph(page, "import-problem", height=620)


def import_article(newsroom: Newsroom, page) -> None:
    newsroom.open(page, "/admin/stories/story/import/")
    page.get_by_label("or paste it here").fill(article())
    page.get_by_label("or paste it here").evaluate("(area) => { area.setSelectionRange(0, 0); area.scrollTop = 0; }")
    photograph(page, "import", height=900)
    press(page, "Preview")
    photograph(page, "import-preview", height=760)
    press(page, "Save")
    page.locator(".messagelist .success").wait_for()
    write_together(OURS)


def see_a_story(newsroom: Newsroom, page) -> None:
    """Look at the desk, wide and narrow."""
    newsroom.open_story(page, SAMPLES)
    photograph(page, "story")
    photograph(page, "picture", card(page, 4))
    page.set_viewport_size(NARROW)
    page.locator("#texts-group").scroll_into_view_if_needed()
    card(page, 1).evaluate("(card) => scrollTo(0, card.getBoundingClientRect().top + scrollY - 150)")
    photograph(page, "story-on-a-phone")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("dialog", name="Preview").wait_for()
    photograph(page, "preview-on-a-phone")
    page.keyboard.press("Escape")
    page.set_viewport_size(WIDE)
    page.get_by_role("link", name="The saved story on a page of its own").click()
    page.get_by_label("A reader starts").select_option("this evening")
    press(page, "Show")
    photograph(page, "preview-page", height=700)


def see_segments(newsroom: Newsroom, page) -> None:
    newsroom.open_story(page, OURS)
    body(page, 3).fill("“Better?” – “A little,” says a woman in a hotel’s uniform, and sits down where it is warm.")
    card(page, 3).get_by_role("button", name="Make plain").wait_for()
    photograph(page, "segments", card(page, 3))
    card(page, 3).get_by_role("button", name="Make plain").click()
    photograph(page, "made-plain", card(page, 3))


def see_nights(newsroom: Newsroom, page) -> None:
    card(page, 4).get_by_label("When").fill("at 23:30")
    page.get_by_label("A reader starts").select_option("this evening")
    page.locator(".bubble--night").first.wait_for()
    body(page, 4).click()
    photograph(page, "nights", height=760)
    card(page, 4).get_by_label("When").fill("2 minutes")


def rehearse(newsroom: Newsroom, page) -> None:
    """Have the sample story texted to a phone of the desk's own."""
    own, sandbox = "+14155550199", newsroom.processes.sandbox
    newsroom.open(page, f"/admin/stories/story/{story_of(SAMPLES).pk}/rehearse/")
    page.get_by_label("Your phone’s number").fill(own)
    press(page, "Text me a code")
    page.get_by_label("The code that was texted to it").fill(
        re.search(r"\d{6}", sandbox.wait_for(own, 1)[0]["body"])[0]
    )
    press(page, "Confirm")
    page.get_by_label("All of it in about").fill("5 minutes")
    photograph(page, "rehearse", height=700)
    newsroom.open_story(page, OURS)


def publish(newsroom: Newsroom, page) -> None:
    """Try to publish what does not say how to stop, and then what does."""
    first = body(page, 1).input_value()
    body(page, 1).fill(first.replace(" Reply STOP to end, at any stop.", ""))
    press(page, "Publish")
    page.get_by_text("What stands in the way").wait_for()
    photograph(page, "in-the-way", height=520)
    body(page, 1).fill(first)
    press(page, "Publish")
    page.locator(".messagelist .success").wait_for()
    photograph(page, "published", height=360)


def correct(newsroom: Newsroom, page) -> None:
    for reader, texts in zip(READERS, (6, 4, 7, 5), strict=True):
        if reader == READERS[1]:
            newsroom.processes.sandbox.text(reader, "start")
        newsroom.processes.sandbox.text(reader, "nightbus")
        read_on(reader, texts)
    newsroom.open_story(page, OURS)
    body(page, 5).fill(body(page, 5).input_value().replace("was full", "was packed"))
    press(page, "Save and continue editing")
    page.locator(".messagelist .info").wait_for()
    photograph(page, "reach", height=400)


def share(newsroom: Newsroom, page) -> None:
    newsroom.open(page, f"/admin/stories/story/{story_of(OURS).pk}/share/")
    photograph(page, "share")
    newsroom.open(page, story_of(OURS).get_absolute_url())
    photograph(page, "readers-page")


def see_history(newsroom: Newsroom, page) -> None:
    newsroom.open(page, f"/admin/stories/story/{story_of(OURS).pk}/history/")
    photograph(page, "history", height=620)


def save_at_the_same_time(newsroom: Newsroom, page) -> None:
    newsroom.open_story(page, OURS)
    with newsroom.window() as other:
        log_in(newsroom, other, NIGHT_DESK)
        newsroom.open_story(other, OURS)
        body(other, 2).fill(body(other, 2).input_value().replace("nine people", "eight people"))
        press(other, "Save")
        other.locator(".messagelist .success").wait_for()
    body(page, 4).fill(body(page, 4).input_value().replace("thirty-six minutes", "half an hour"))
    press(page, "Save")
    page.get_by_role("region", name="Saved by somebody else meanwhile").wait_for()
    photograph(page, "meanwhile", height=700)


def see_where_readers_are(newsroom: Newsroom) -> None:
    with newsroom.window() as page:
        log_in(newsroom, page, EDITOR)
        newsroom.open(page, f"/admin/stories/story/{story_of(OURS).pk}/readers/")
        photograph(page, "funnel")
        newsroom.open(page, "/admin/subscribers/enrollment/")
        photograph(page, "enrollments")
        page.get_by_label("Select all objects on this page").check()
        page.get_by_label("Action:").select_option(label="Pause")
        press(page, "Go")
        page.get_by_role("link", name="No, go back").wait_for()
        photograph(page, "bulk", height=360)


def see_a_reader(newsroom: Newsroom) -> None:
    """Watch a reader ask something, begin to answer, and look at where the reader could be put."""
    from subscribers.models import Subscriber

    reader = Subscriber.objects.get(phone_number=READERS[2])
    with newsroom.window() as page:
        log_in(newsroom, page, EDITOR)
        newsroom.open(page, f"/admin/subscribers/subscriber/{reader.pk}/change/")
        newsroom.processes.sandbox.text(READERS[2], "Who was the driver?")
        page.locator(".bubble--from-reader", has_text="Who was the driver?").wait_for()
        page.get_by_label("Write to this reader").fill("He asked us not to name him. He still drives it.")
        page.locator("[data-counted]", has_text="1 text").wait_for()
        page.evaluate("scrollTo(0, 0)")
        photograph(page, "reader")
        page.get_by_role("link", name="Put at another text").first.click()
        photograph(page, "put-at-another-text", height=620)


def send_correction(newsroom: Newsroom) -> None:
    """Put right, with those who had it, what the story says otherwise by now."""
    with newsroom.window() as page:
        log_in(newsroom, page, EDITOR)
        newsroom.open(page, f"/admin/subscribers/correction/of/{story_of(OURS).pk}/")
        page.get_by_role("link", name="Correct text 5", exact=True).click()
        page.get_by_label("Who received it as").last.check()
        page.get_by_label("What it says").fill("A correction: the bus on the first night was packed, not just full.")
        press(page, "Preview")
        page.get_by_role("heading", name="Preview").wait_for()
        photograph(page, "correction", part=page.locator("#content"))
        page.get_by_role("button", name="Send to").click()
        page.locator("[data-progress]:not(:has([data-going]))").wait_for()
        photograph(page, "correction-sent", height=560)


REPLIES = [
    "You have the year wrong: my grandfather mended the lamp in 1911, not 1921. I have his papers.",
    "Does the bus still run?",
    "I was on it that week. I have photographs, if you want them.",
    "Thank you. I read it on the way to work, on line 9.",
]


def see_replies(newsroom: Newsroom) -> None:
    """Let readers write, and work at the reply desk."""
    for reader, words in zip(READERS, REPLIES, strict=True):
        newsroom.processes.sandbox.text(reader, words)
    with newsroom.window() as page:
        log_in(newsroom, page, EDITOR)
        newsroom.open(page, "/admin/subscribers/remark/")
        open_reply(page, REPLIES[0])
        page.get_by_role("button", name="Correction").click()
        page.get_by_role("button", name="Correction", pressed=True).wait_for()
        page.get_by_label("Note, which no reader sees").fill("The archive says 1911, too.")
        press(page, "Keep the note")
        page.locator(".opened__note").wait_for()
        page.keyboard.press("Escape")
        photograph(page, "reply-desk", height=640)
        open_reply(page, REPLIES[2])
        press(page, "May we quote you?")
        page.locator("[data-counted]", has_text="text").wait_for()
        photograph(page, "reply-open", page.locator("[data-remark]", has=page.locator("[data-opened]")))
        page.set_viewport_size(NARROW)
        newsroom.open(page, "/admin/subscribers/remark/")
        page.locator("[data-remarks]").scroll_into_view_if_needed()
        photograph(page, "reply-desk-on-a-phone")
        page.set_viewport_size(WIDE)
        page.locator("[data-group-list] a").first.click()
        page.get_by_role("link", name="One answer to each").click()
        page.get_by_label("Answer", exact=True).fill(
            "Thank you for writing. We are looking into it, and shall tell you."
        )
        press(page, "See whom it reaches")
        page.get_by_text("It goes to").wait_for()
        photograph(page, "reply-each", height=680)


def open_reply(page, words: str) -> None:
    page.locator(".remark__row", has_text=words[:40]).click()
    page.locator("[data-opened]", has_text=words[:40]).wait_for()


def see_as_desk_chief(newsroom: Newsroom) -> None:
    """Have a number shown, add readers, export, and see all that on record."""
    from subscribers.models import Subscriber

    with newsroom.window() as page:
        log_in(newsroom, page, CHIEF)
        reader = Subscriber.objects.get(phone_number=READERS[0])
        newsroom.open(page, f"/admin/subscribers/subscriber/{reader.pk}/change/")
        press(page, "Show the whole number")
        page.get_by_text("Whole number:").wait_for()
        photograph(page, "number-shown", height=520)
        newsroom.open(page, "/admin/subscribers/subscriber/adding/")
        page.get_by_label("Numbers:").fill(
            f"415 555 0175\n(415) 555-0176, 2026-11-03\n415 555 017\n{READERS[1]}\n{READERS[2]}\n415 555 0175"
        )
        page.get_by_label("They begin").select_option(label=SAMPLES)
        page.get_by_label("How they consented").fill(
            "Form at the book fair: “Text me the story. I can stop it by STOP.”"
        )
        page.get_by_label("On which day").fill("2026-11-02")
        photograph(page, "adding", height=980)
        press(page, "Preview")
        page.get_by_text("Nothing is saved yet.").wait_for()
        photograph(page, "adding-preview", height=640)
        newsroom.open(page, "/admin/subscribers/export/add/?what=messages")
        photograph(page, "export", height=860)
        newsroom.open(page, "/admin/subscribers/access/")
        photograph(page, "access-log", height=420)
        newsroom.open(page, "/kept/")
        photograph(page, "kept", height=1000)


def see_today(newsroom: Newsroom) -> None:
    """Look at the day, hold a story, and come to its release once texts have fallen due."""
    from django.utils import timezone

    from subscribers.models import Message
    from subscribers.scheduling import send_next_now
    from textengine.tests.processes import wait_until

    with newsroom.window() as page:
        log_in(newsroom, page, CHIEF)
        newsroom.open(page, "/admin/")
        photograph(page, "today", height=640)
        newsroom.open_story(page, SAMPLES)
        press(page, "Hold …")
        page.get_by_role("textbox", name="Why").fill("The keeper’s name is being checked")
        photograph(page, "hold", height=420)
        press(page, "Hold now")
        page.locator(".hold-banner").wait_for()
        send_next_now(story_of(SAMPLES).enrollments.values_list("pk", flat=True), timezone.now())
        wait_until(lambda: Message.objects.filter(status="held").exists(), 20)
        page.get_by_role("link", name="Release …").click()
        photograph(page, "release", height=600)


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def card(page, place: int):
    return page.get_by_role("group", name=f"Text {place}", exact=True)


def body(page, place: int):
    return card(page, place).get_by_role("textbox", name="Text", exact=True)


def photograph(page, name: str, part=None, height: int = 0) -> None:
    """Keep a picture of the window, of a part of the page, or of the window's top; 256 colours make it small."""
    from PIL import Image

    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.evaluate("() => Promise.all(document.getAnimations().map((animation) => animation.finished))")
    # Until the preview has said what it has to say.
    page.wait_for_timeout(600)
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height} if height else None
    taken = part.screenshot() if part else page.screenshot(clip=clip)
    with Image.open(BytesIO(taken)) as picture:
        picture.convert("RGB").quantize(256).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
