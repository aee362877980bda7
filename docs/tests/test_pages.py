"""Links, anchors and pictures of all pages. Addresses of other sites are not followed: tests ask nobody outside."""

import re
from pathlib import Path

from .pages import DOCS, PAGES, ROOT, anchors, commands_of, links, name_of

PICTURES = DOCS / "screenshots"


def test_each_link_leads_to_a_file_and_a_heading_that_are_there():
    inside = [(page, link) for page in PAGES for link in links(page) if not re.match(r"(https?|mailto):", link)]
    assert len(inside) > 150
    assert [(name_of(page), link) for page, link in inside if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.is_relative_to(ROOT) and target.exists() and (not anchor or anchor in anchors(target))


def test_links_to_other_sites_are_safe_ones():
    bare = re.compile(r"http:(?!//localhost:)")
    assert [(name_of(page), link) for page in PAGES for link in links(page) if bare.match(link)] == []


def test_each_screenshot_is_taken_by_the_script_and_is_on_a_page():
    script = (DOCS / "take_screenshots.py").read_text(encoding="utf-8")
    taken = {f"{name}.png" for name in re.findall(r'photograph\(page, "([a-z-]+)"', script)}
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page) if link.endswith(".png")}
    assert len(taken) > 40
    assert {path.name for path in PICTURES.iterdir()} == taken
    assert {path.name for path in shown if path.parent == PICTURES} == taken


def test_each_drawing_is_on_a_page_and_says_in_words_what_it_shows():
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page) if link.endswith(".svg")}
    drawings = {*DOCS.glob("*.svg"), *DOCS.glob("benchmarks/*.svg")}
    assert drawings == shown
    assert [path.name for path in drawings if "<title" not in path.read_text(encoding="utf-8")] == []


def test_anchors_are_made_as_hosts_of_code_make_them(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# What's `due`, and when?\n\n## Again\n\n## Again\n\n```sh\n# no heading\n```\n", encoding="utf-8")
    assert anchors(page) == {"whats-due-and-when", "again", "again-1"}


def test_commands_are_found_in_scripts():
    script = "make run  # both\ncd a && make \\\n  test\npython -c 'one\n  two'\n"
    assert list(commands_of(script)) == [
        ["make", "run"],
        ["cd", "a"],
        ["make", "test"],
        ["python", "-c", "one\n  two"],
    ]
