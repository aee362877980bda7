"""The built pages in a browser: no table is wider than its page, beside the sidebars or on a phone."""

import subprocess
import sys
from contextlib import closing

import pytest

from textengine.tests import chromium

from .pages import ROOT

pytestmark = pytest.mark.screens
WIDER_THAN_THEIR_PAGE = """tables => tables.filter(
    table => table.offsetWidth > table.parentElement.clientWidth
).map(table => table.innerText.slice(0, 60))"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("html")
    subprocess.run([sys.executable, "-m", "sphinx", "--quiet", "docs", folder], cwd=ROOT, check=True)
    return folder


def test_no_table_is_wider_than_its_page(built):
    with chromium.launched() as browser:
        wide = {width: wide_tables(browser, built, width) for width in (390, 1280)}
    assert wide == {390: [], 1280: []}


def wide_tables(browser, built, width: int) -> list[tuple[str, list[str]]]:
    with closing(browser.new_page(viewport={"width": width, "height": 900})) as page:
        found = [(path.name, tables_too_wide(page, path)) for path in built.rglob("*.html")]
    return [(name, tables) for name, tables in found if tables]


def tables_too_wide(page, path) -> list[str]:
    page.goto(path.as_uri())
    return page.eval_on_selector_all("article table.docutils", WIDER_THAN_THEIR_PAGE)


def test_on_a_phone_each_cell_says_of_which_column_it_is(built):
    with chromium.launched() as browser, closing(browser.new_page(viewport={"width": 390, "height": 900})) as page:
        page.goto((built / "settings.html").as_uri())
        [cells] = page.eval_on_selector_all("article tbody tr", "rows => [rows[1].innerText]")
    assert cells.split()[:4] == ["DEBUG", "default", "false", "meaning"]
