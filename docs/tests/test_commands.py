"""Every command that a page tells: that it exists, with these options; those that can be run here are run.

Not run are those that ask a person (`createsuperuser`, `changepassword`), never end (`qcluster`, `textengine.web`: the
tests of the whole way run them), belong to other machines (`git`, `apt`), or are what CI itself runs (`make`; what
`make run` does is tested in textengine/tests/test_run.py).
"""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command, get_commands, load_command_class

from docs.settings_page import sections

from .pages import DOCS, PAGES, ROOT, commands, commands_in_sentences, name_of

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SETTINGS = {name for found in sections().values() for block in found for name in block.names}
# Programs that are not ours; what they run of ours is looked at.
OTHERS = {
    "git",
    "cd",
    "cp",
    "mkdir",
    "chmod",
    "chown",
    "install",
    "apt",
    "useradd",
    "curl",
    "sudo",
    "systemctl",
    "docker",
}
NOT_RUN = {
    "createsuperuser",
    "changepassword",
    "qcluster",
    "takeoffsecondfactor",
    "axes_reset_username",
    "axes_reset_ip",
}
ASSIGNMENT = re.compile(r"[A-Z_]+=")


def test_each_command_exists_with_its_options():
    told = [(name_of(page), words, True) for page in PAGES for words in commands(page)]
    told += [(name_of(page), words, False) for page in PAGES for words in commands_in_sentences(page)]
    assert len(told) > 60
    found = [(page, words, problem_of(words, whole)) for page, words, whole in told]
    assert [(page, words, problem) for page, words, problem in found if problem] == []


def problem_of(words: list[str], whole: bool = False) -> str:
    """Return why this cannot be a command, empty if it can; only of a `whole` one do the arguments have to be right."""
    if ASSIGNMENT.match(words[0]):
        return problem_with_variable(words[0].partition("=")[0]) or (problem_of(words[1:], whole) if words[1:] else "")
    program, *rest = words
    if program == "sudo":
        return problem_of(rest[2:] if rest[0] == "-u" else rest, whole)
    if program == "docker" and "python" in rest:
        return problem_of(rest[rest.index("python") :], whole)
    if program == "make":
        return problem_with_make(rest)
    if program.rpartition("/")[2] in ("python", "python3"):
        return problem_with_python(rest, whole)
    if program == "manage.py":
        return problem_with_manage(rest, whole)
    return "" if program in OTHERS else f"{program} is no program that these pages may count on"


def problem_with_variable(name: str) -> str:
    """Ask for the name among the settings, and in the tests and the Makefile, which have variables of their own."""
    tests = (
        path for folder in ("textengine", "stories", "subscribers") for path in (ROOT / folder).rglob("tests/*.py")
    )
    found = name in SETTINGS or name in MAKEFILE or any(f'"{name}"' in path.read_text() for path in tests)
    return "" if found else f"nothing reads {name}"


def problem_with_make(words: list[str]) -> str:
    for word in words:
        name, is_variable, value = word.partition("=")
        if is_variable and (problem := problem_with_variable(name)):
            return problem
        if is_variable and words[0] == "bench":
            return problem_with_options("bench/__main__.py", shlex.split(value))
        if not is_variable and not re.search(rf"^{re.escape(name)}:", MAKEFILE, re.MULTILINE):
            return f"make knows no {name}"
    return ""


def problem_with_python(words: list[str], whole: bool) -> str:
    if words[0] == "-c":
        return ""
    if words[0] != "-m":
        return problem_with_manage(words[1:], whole) if words[0] == "manage.py" else problem_with_file(words[0])
    spec = find_spec(words[1])
    if spec is None:
        return f"there is no module {words[1]}"
    origin = Path(spec.origin)
    if not origin.is_relative_to(ROOT):
        return ""
    return problem_with_options(origin.with_name("__main__.py") if origin.name == "__init__.py" else origin, words[2:])


def problem_with_file(name: str) -> str:
    return "" if (ROOT / name).is_file() else f"there is no file {name}"


def problem_with_options(module: Path | str, words: list[str]) -> str:
    source = (ROOT / module).read_text(encoding="utf-8")
    known = ("--help", *re.findall(r'"(--[a-z-]+)"', source))
    return next((f"{module} has no {word}" for word in words if word[:2] == "--" and word not in known), "")


def problem_with_manage(words: list[str], whole: bool) -> str:
    name, *arguments = words
    if name not in get_commands():
        return f"manage.py has no {name}"
    parser = parser_of(name)
    if whole:
        try:
            parser.parse_args(arguments)
        except CommandError:
            return f"manage.py {name} does not take this"
    known = {option for action in parser._actions for option in action.option_strings}
    return next((f"{name} has no {word}" for word in arguments if word[:2] == "--" and word not in known), "")


def parser_of(name: str):
    app = get_commands()[name]
    return load_command_class(app, name).create_parser("manage.py", name)


@pytest.mark.parametrize(
    "words",
    [
        "make tset",
        "make test ORGS=1",
        "make bench ARGS=--onlie",
        "PROT=1 make run",
        "manage.py addacount jo journalist",
        "manage.py exportstory --cvs slug",
        ".venv/bin/python manage.py addaccount jo journalists",
        ".venv/bin/python -m textengine.sandbocks",
        "python -m textengine.sandbox --prot 1",
        "python docs/take_pictures.py",
        "sudo -u textengine .venv/bin/python manage.py migrat",
        "docker compose exec web python manage.py makereaders --remoove",
        "frobnicate all",
    ],
)
def test_a_command_that_does_not_exist_is_found(words, capsys):
    assert problem_of(shlex.split(words), whole=True)


def distinct(*beginning: str) -> list[list[str]]:
    """Return the commands of all pages that begin so, each once, in the order in which a reader meets them."""
    found = [words for page in PAGES for words in commands(page) if words[: len(beginning)] == list(beginning)]
    return [words for place, words in enumerate(found) if words not in found[:place]]


@pytest.mark.django_db
@pytest.mark.screens
def test_the_commands_of_manage_py_do_their_work(tmp_path, monkeypatch, capsys):
    example = re.findall(r"^```text\n(.*?)^```$", (DOCS / "story-format.md").read_text(), re.DOTALL | re.MULTILINE)[1]
    (tmp_path / "ferry.txt").write_text(example.replace("keyword: FERRY", "keyword: BOAT"), encoding="utf-8")
    (tmp_path / "bus.csv").write_text("text,wait\nThe bus leaves. Reply STOP to end.,\nIt comes.,2 hours\n")
    for folder in ("folder", "exported"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    call_command("loadsample")
    ran = [words[2:] for words in distinct(".venv/bin/python", "manage.py")]
    for name, *arguments in (words for words in ran if words[0] not in NOT_RUN):
        call_command(name, *arguments)
    assert len(ran) > 10
    assert (tmp_path / "folder" / "the-last-ferry.txt").is_file()
    assert (tmp_path / "exported" / "three-minutes-at-halmey.txt").is_file()


def test_the_sandbox_answers_what_pages_ask_of_it(sandbox):
    asked = distinct("curl")
    assert len(asked) > 5
    for words in asked:
        assert request(words, sandbox.url).status_code < 300, words


def request(words: list[str], url: str) -> requests.Response:
    """Do what curl would: post a form where there is a body, unless another method is named."""
    address, options = words[1:], {}
    while any(word.startswith("-") for word in address):
        place = next(place for place, word in enumerate(address) if word.startswith("-"))
        options[address.pop(place)] = address.pop(place)
    [address] = address
    return requests.request(
        options.get("-X", "POST" if "-d" in options else "GET"),
        address.replace("http://localhost:8001", url),
        data=options.get("-d", "").encode() or None,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=10,
    )
