"""What axe-core (axe/, from npm, for tests only) finds on a page."""

from pathlib import Path

AXE = Path(__file__).parent / "axe" / "axe.min.js"
# The Web Content Accessibility Guidelines 2.2, levels A and AA.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def assert_accessible_everywhere(page) -> None:
    """Look at the page on a computer and on a phone, light and dark: it breaks no guideline and nothing is cut off."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") == width


def assert_accessible(page) -> None:
    """Fail with what breaks the guidelines on this page of Playwright's, and where."""
    # A colour that is on its way to another is none that a person would read.
    page.evaluate("() => Promise.all(document.getAnimations().map((animation) => animation.finished))")
    page.evaluate(AXE.read_text())
    found = page.evaluate("(tags) => axe.run(document, {runOnly: tags})", TAGS)
    broken = [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
    assert broken == []
    assert len(found["passes"]) > 5
