"""What axe-core (axe/, from npm, for tests only) finds on a page."""

from pathlib import Path

AXE = Path(__file__).parent / "axe" / "axe.min.js"
# The Web Content Accessibility Guidelines 2.2, levels A and AA.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def assert_accessible(page) -> None:
    """Fail with what breaks the guidelines on this page of Playwright's, and where."""
    # A colour that is on its way to another is none that a person would read.
    page.evaluate("() => Promise.all(document.getAnimations().map((animation) => animation.finished))")
    page.evaluate(AXE.read_text())
    found = page.evaluate("(tags) => axe.run(document, {runOnly: tags})", TAGS)
    broken = [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
    assert broken == []
    assert len(found["passes"]) > 5
