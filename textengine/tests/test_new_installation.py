"""From nothing to texts that arrive, by the image's own steps: libraries, tables, processes: `make test-slow`."""

import pytest

from .databases import is_sqlite
from .draining import TEXTS, assert_drains
from .installed import Installed, folder_for_everybody
from .processes import wait_until

STORY = f"""
from datetime import timedelta
from stories.models import Story, StoryText
story = Story.objects.create(title="The river", slug="river", keyword="river", status="published")
for position, body in enumerate({TEXTS}, start=1):
    StoryText.objects.create(story=story, position=position, body=body, delay=timedelta(seconds=1))
"""


class New(Installed):
    """An installation on an empty database."""

    def prepare(self) -> None:
        self.manage("migrate", "--noinput")
        self.manage("shell", "--command", STORY)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_new_installation_runs_as_another_user_drains_and_is_backed_up(copy_url):
    options = {} if is_sqlite() else {"database_url": copy_url}
    with folder_for_everybody() as folder, New(folder, fresh=True, **options) as processes:
        files = processes.files()
        wait_until(lambda: "worker: The worker has been running" in processes.run("manage.py", "doctor").stdout, 30)
        examined = processes.run("manage.py", "doctor")
        assert (examined.returncode, "WRONG" in examined.stdout) == (0, False), examined.stdout
        assert_drains(processes, readers=50)
        saved = processes.run("manage.py", "backup", str(processes.data / "backup.tar.gz"))
        assert (saved.returncode, saved.stderr) == (0, "")
        assert processes.stop("web") == 0
        assert processes.files() == files
