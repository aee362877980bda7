"""The table of settings and `.env.example`, against what the code reads."""

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import environ
import pytest
from django.conf import settings

from docs.settings_page import EXAMPLE, PAGE, ROOT, SETTING, page, sections
from textengine import env_file

BLOCKS = [block for found in sections().values() for block in found]
EXPLAINED = {name for block in BLOCKS for name in block.names}
DEFAULTS = {name: value for block in BLOCKS for name, value in block.defaults.items()}
# What compose.yaml asks for itself.
BY_COMPOSE = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
# What is no setting of this project, but of what it is made with.
OTHERS = {"DJANGO_SETTINGS_MODULE", "PATH"}


class Asked(dict):
    """An environment that remembers what it was asked for."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.names = set()

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)


@pytest.fixture
def read_settings(monkeypatch):
    """Run the settings anew in an environment that has nothing else; return it, and what they are."""

    def run(**environment: str) -> tuple[Asked, dict]:
        asked = Asked(environment, SECRET_KEY="only-for-tests")
        monkeypatch.setattr(environ.Env, "ENVIRON", asked)
        monkeypatch.setattr(env_file, "read", lambda path: None)
        found = runpy.run_path(str(settings.BASE_DIR / "textengine" / "settings.py"), run_name="textengine.settings")
        return asked, {name: value for name, value in found.items() if name.isupper()}

    return run


def test_the_page_of_settings_is_as_it_would_be_written_now():
    assert PAGE.read_text(encoding="utf-8") == page(), "Write it anew: python -m docs.settings_page"


def test_every_setting_that_is_read_is_explained_and_no_other(read_settings):
    asked, _ = read_settings()
    assert BY_COMPOSE
    assert asked.names | BY_COMPOSE == EXPLAINED


def test_a_default_that_is_given_is_what_the_code_does_without_it(read_settings):
    assert len(DEFAULTS) > 15
    assert read_settings(**DEFAULTS)[1] == read_settings()[1]


def test_each_example_is_a_value_that_can_be_used(read_settings):
    examples = {name: value for _, name, value in SETTING.findall(EXAMPLE.read_text(encoding="utf-8")) if value}
    assert examples["QUIET_HOURS"]
    _, found = read_settings(**examples)
    assert found["PUBLIC_URL"] == examples["PUBLIC_URL"]


def test_the_example_is_a_file_of_settings(monkeypatch):
    monkeypatch.setattr(environ.Env, "ENVIRON", {})
    env_file.read(EXAMPLE)
    assert {block.names[0] for block in BLOCKS if block.required} <= environ.Env.ENVIRON.keys()


def test_what_other_modules_read_from_the_environment_is_explained():
    read = {name for folder in ("textengine", "stories", "subscribers") for name in read_below(folder)}
    assert read
    assert read - OTHERS <= EXPLAINED


def read_below(folder: str) -> Iterator[str]:
    """Yield each name that a module below asks the environment for."""
    for path in Path(settings.BASE_DIR, folder).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "tests" not in path.parts and re.search(r"environ|getenv", source):
            yield from (name for node in ast.walk(ast.parse(source)) if (name := name_asked_by(node)))


def name_asked_by(node: ast.AST) -> str:
    """Return NAME of `os.environ["NAME"]`, `os.environ.get("NAME", …)`, `os.getenv("NAME", …)` and the like."""
    match node:
        case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="environ")), args=[ast.Constant(str(name)), *_]):
            return name
        case ast.Call(func=ast.Attribute(attr="getenv"), args=[ast.Constant(str(name)), *_]):
            return name
    return ""


def test_what_has_to_be_set_stands_in_the_example_without_a_hash():
    required = {name for block in BLOCKS if block.required for name in block.names}
    assert {"SECRET_KEY", "PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_NUMBER"} <= required
    assert [block.names for block in BLOCKS if not (block.required or block.default)] == []
