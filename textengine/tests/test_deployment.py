"""What docs/deployment.md describes: one set of commands, in the image, compose file, units and Procfile alike."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.utils import timezone

from stories.tests.factory import make_story
from subscribers.claiming import machine, owner
from subscribers.heartbeats import beat
from subscribers.models import Heartbeat
from textengine import probe
from textengine.intake import ANYBODY, SIGNED_IN

from .databases import is_sqlite
from .draining import TEXTS, assert_drains
from .installed import Installed, copied_into_the_image, folder_for_everybody
from .processes import ROOT, free_port, url_of_database

UNITS = ROOT / "deploy" / "systemd"


def procfile() -> dict[str, list[str]]:
    """Return the commands of the Procfile, by the names of their processes."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(": ") for line in lines)}


def services() -> dict[str, dict]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def in_the_containerfile(instruction: str) -> str:
    """Return what the last such instruction says."""
    lines = (ROOT / "Containerfile").read_text().replace("\\\n", "").splitlines()
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{instruction} ")][-1]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_compose_file_and_the_units_run_what_the_procfile_runs(name):
    command = procfile()[name]
    assert services()[name]["command"] == command
    unit = (UNITS / f"textengine-{name}.service").read_text()
    assert f"\nExecStart=/opt/textengine/.venv/bin/{shlex.join(command)}\n" in unit


def test_the_image_runs_the_web_process_and_asks_whether_it_lives():
    assert json.loads(in_the_containerfile("CMD")) == procfile()["web"]
    _, _, command = in_the_containerfile("HEALTHCHECK").partition("CMD ")
    assert json.loads(command) == ["python", "-m", "textengine.probe", "web"]
    assert services()["worker"]["healthcheck"]["test"][1:] == ["python", "-m", "textengine.probe", "worker"]


def test_the_image_runs_as_a_user_without_rights_and_has_nothing_of_this_folder_but_the_program():
    assert in_the_containerfile("USER") == "10001:10001"
    named = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert named == {source for source, _ in copied_into_the_image()} | {"requirements.txt"}


@pytest.mark.parametrize("name", ["migrate", "web", "worker"])
def test_a_service_can_write_to_its_data_alone_and_gets_the_time_that_the_worker_needs_to_end(name):
    service = services()[name]
    assert (service["read_only"], service["volumes"]) == (True, ["data:/data"])
    assert service["tmpfs"] == ["/tmp:size=1g"]  # noqa: S108
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    # The cluster is killed five seconds after its last task has to be over; what it had claimed is then given back.
    assert int(service["stop_grace_period"].rstrip("s")) > settings.Q_CLUSTER["timeout"] + 15


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed here.")
def test_systemd_understands_the_units(tmp_path):
    units = copied_units(tmp_path)
    found = analyzed("verify", "--man=no", *units, *map(str, tmp_path.glob("*.timer")))
    assert (found.returncode, found.stderr) == (0, "")
    for unit in units:
        # What they have in common is found, and holds for each: 10 is a unit that keeps nothing from its process.
        assert analyzed("security", "--offline=true", "--threshold=20", unit).returncode == 0, unit


def copied_units(folder: Path) -> list[str]:
    """Copy the units to this folder, for this machine, and return the services."""
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    for path in filter(Path.is_file, folder.rglob("*")):
        # systemd looks whether the command is there, and the folder is.
        unit = path.read_text().replace("/opt/textengine/.venv/bin/python", "/bin/sh").replace("/opt/textengine", "/")
        path.write_text(unit)
    return sorted(map(str, folder.glob("*.service")))


def analyzed(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.skipif(is_sqlite(), reason="It runs once, with the suite on PostgreSQL.")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_as_another_user_on_files_that_cannot_change_it_runs_and_drains():
    make_story(keyword="river", texts=[(text, 1) for text in TEXTS])
    with folder_for_everybody() as folder, Installed(folder, database_url=url_of_database()) as processes:
        files = processes.files()
        assert processes.run("-c", "open('written', 'w')").stderr.strip().endswith("Permission denied: 'written'")
        for kind in ("web", "worker"):
            probed = processes.run("-m", "textengine.probe", kind)
            assert (probed.returncode, probed.stderr) == (0, "")
        assert_drains(processes, readers=20)
        assert processes.stop("web") == 0
        assert processes.files() == files


def test_the_proxies_of_the_guide_let_as_much_through_as_who_is_signed_in_may_send():
    words = (ROOT / "docs" / "deployment.md").read_text()
    sizes = re.findall(r"(?:client_max_body_size |max_size )(\d+)(?:m;|MB)", words)
    assert sizes == [str(SIGNED_IN[0] // 1_000_000)] * 2
    assert re.findall(r"request_buffers (\d+)", words) == [str(ANYBODY[0])]


@pytest.mark.parametrize("page", ["deployment.md", "backups.md"])
def test_the_units_that_the_guides_name_are_there(page):
    words = (ROOT / "docs" / page).read_text()
    for path in re.findall(r"deploy/systemd/[a-z.-]+[a-z]", words):
        assert list(ROOT.glob(f"{path}*")), path


def test_a_web_process_that_does_not_answer_is_said_to(monkeypatch):
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    assert probe.web().startswith(f"The web process does not answer at http://127.0.0.1:{port}/healthz: ")


@pytest.mark.django_db
def test_a_worker_lives_if_one_of_this_machine_has_told_of_itself_lately():
    gone = f"No worker on {machine()} has told of itself lately."
    Heartbeat.objects.create(cluster="elsewhere:1", started_at=timezone.now(), seen_at=timezone.now())
    assert probe.worker() == gone
    beat(timezone.now())
    assert probe.worker() is None
    Heartbeat.objects.filter(cluster=owner()).update(seen_at=timezone.now() - timedelta(minutes=5))
    assert probe.worker() == gone


def test_a_probe_says_how_it_is_asked():
    asked = subprocess.run(
        [sys.executable, "-m", "textengine.probe", "sandbox"], cwd=ROOT, capture_output=True, text=True
    )
    assert (asked.returncode, asked.stderr) == (
        1,
        "Say which process is meant: python -m textengine.probe web, or worker.\n",
    )
