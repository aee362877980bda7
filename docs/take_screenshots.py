"""Take the pictures of README from the running program: `.venv/bin/python docs/take_screenshots.py`.

It starts web, worker and sandbox on a database of its own, lets phones text, and photographs the pages in Chromium.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "screenshots"
READERS = ["+14155550123", "+14155550188", "+14155550142", "+14155550167"]
PASSWORD = "only-for-pictures"  # noqa: S105


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
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from stories.sample import load_sample_story
    from textengine.tests.chromium import launched, new_page
    from textengine.tests.processes import Processes

    call_command("migrate", verbosity=0)
    password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    User.objects.create(username="newsroom", password=password, is_staff=True, is_superuser=True)
    story = load_sample_story()
    with Processes(media_root=folder) as processes, launched() as browser:
        for place, reader in enumerate(READERS):
            processes.sandbox.text(reader, story.keyword.lower())
            read_on(processes, reader, texts=(4, 2, 10, 7)[place])
        processes.sandbox.text(READERS[1], "stop")
        with new_page(browser, width=1280, height=860) as page:
            page.goto(f"{processes.sandbox.url}/?phone=%2B{READERS[0][1:]}&phone=%2B{READERS[1][1:]}")
            page.locator(".bubble img").first.wait_for()
            photograph(page, "phones")
            page.goto(f"{processes.url}/admin/")
            page.get_by_label("Username").fill("newsroom")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            for name, address in {
                "story": f"stories/story/{story.pk}/change/",
                "enrollments": "subscribers/enrollment/",
            }.items():
                page.goto(f"{processes.url}/admin/{address}")
                photograph(page, name)


def read_on(processes, reader: str, texts: int) -> None:
    """Let this reader have so many texts, skipping the waits."""
    from django.utils import timezone

    from subscribers.models import Enrollment
    from subscribers.scheduling import send_next_now
    from textengine.tests.processes import wait_until

    enrollment = Enrollment.objects.get(subscriber__phone_number=reader)
    for step in range(1, texts + 1):
        send_next_now([enrollment.pk], timezone.now())
        wait_until(lambda step=step: Enrollment.objects.get(pk=enrollment.pk).step >= step, 20)


def photograph(page, name: str) -> None:
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
