"""The audit of dependencies: what fails it, and what does not."""

import os
import re
import subprocess
import sys

import pytest

from .audit import judged
from .test_start import ROOT

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
MENDED = {"name": "holey", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"], "aliases": []}]}
UNMENDED = {"name": "holey", "version": "1.0", "vulns": [{"id": "CVE-2", "fix_versions": [], "aliases": []}]}
WHY = "since their known holes could not be asked for from here. Run `make audit` where the internet is."
UNASKED = {"name": "new", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "lines", "code"),
    [
        ([SOUND], ["Packages audited: 1; with holes: 0."], 0),
        ([SOUND, MENDED], ["holey 1.0 has CVE-1, mended in 1.1.", "Packages audited: 2; with holes: 1."], 1),
        ([UNMENDED], ["holey 1.0 has CVE-2, mended nowhere yet.", "Packages audited: 1; with holes: 1."], 0),
        ([UNASKED], [f"NOT AUDITED: 1, {WHY}"], 0),
        ([], [f"NOT AUDITED: all, {WHY}"], 0),
    ],
)
def test_a_hole_that_another_release_mends_fails_the_audit(packages, lines, code):
    assert judged({"dependencies": packages}) == (lines, code)


def test_that_nobody_can_be_asked_fails_nothing_and_is_said(tmp_path):
    nowhere = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9")
    # What was asked another time is not answered from memory.
    nowhere["PIP_CACHE_DIR"] = str(tmp_path)
    command = [sys.executable, "-m", "textengine.tests.audit"]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert WHY in ended.stdout


def test_what_the_audit_says_stands_in_the_last_lines_of_ci():
    script = (ROOT / ".ci" / "run").read_text()
    assert "make audit | tee audit.log" in script
    assert script.endswith("\ncat audit.log\n")


def test_every_direct_dependency_is_pinned_and_has_its_reason():
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert re.fullmatch(r"[A-Za-z0-9_.-]+(\[\w+\])?==[0-9][0-9a-z.]*\s+# .+", line), line
