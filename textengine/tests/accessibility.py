"""What axe-core (axe/, from npm, for tests only) finds on a page."""

from pathlib import Path

AXE = Path(__file__).parent / "axe" / "axe.min.js"
# The Web Content Accessibility Guidelines 2.2, levels A and AA.
GUIDELINES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Those of its rules that look at colours, which are all that another scheme changes.
COLOURS = ["color-contrast", "link-in-text-block"]


def assert_accessible_everywhere(page) -> None:
    """Look at the page on a computer and on a phone, light and dark: it breaks no guideline and nothing is cut off."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert_accessible_light_and_dark(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width


def assert_accessible_light_and_dark(page) -> None:
    """Look at the page in both schemes, and leave it light."""
    for scheme, rules in (("dark", COLOURS), ("light", GUIDELINES)):
        page.emulate_media(color_scheme=scheme)
        assert_accessible(page, rules)


def assert_accessible(page, rules: list[str] = GUIDELINES) -> None:
    """Fail with what breaks these rules, or those of these guidelines, on this page of Playwright's, and where."""
    # A colour that is on its way to another is none that a person would read. What a page puts away ends unfinished.
    page.evaluate("() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished))")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    # Of what breaks none, it tells each rule's first place alone.
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    broken = [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
    assert broken == []
    assert found["passes"]
