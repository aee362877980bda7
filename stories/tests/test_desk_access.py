"""The desk for everybody: what axe-core finds on it, wide and narrow, light and dark, in all its states."""

import pytest
from PIL import Image
from playwright.sync_api import expect

from textengine.tests.accessibility import assert_accessible

from .desk import body, bubbles, card, desk, tool
from .factory import make_story

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_desk(browser, live_server, client, tmp_path, color_scheme):
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "pier.png")
    story = make_story([("one", 0), ("“two” – and more", 120), ("three", 7200), ("four", 0)], keyword="RIVER")
    # axe-core looks into style sheets by copying them into the page, which the page's own policy refuses.
    options = {"color_scheme": color_scheme, "bypass_csp": True}
    with desk(browser, live_server, client, story, **options) as page:
        card(page, 3).get_by_label("Picture", exact=True).set_input_files(tmp_path / "pier.png")
        tool(page, 4, "Delete").click()
        card(page, 1).get_by_label("When").fill("at 23:00")
        expect(bubbles(page).first).to_contain_text("at night")
        page.get_by_text("Moving texts, and when they come").click()
        assert_accessible(page)
        card(page, 1).get_by_label("When").fill("soon")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(bubbles(page).first).to_contain_text("“soon”")
        assert_accessible(page)
        page.get_by_role("button", name="Fold all").click()
        assert_accessible(page)
    with desk(browser, live_server, client, story, 390, is_mobile=True, **options) as page:
        card(page, 2).get_by_role("button", name="“two”").click()
        expect(card(page, 2).get_by_role("button", name="Make plain")).to_be_visible()
        # At the end of the page: a card of which the bar leaves but a strip in sight is taken for a small target.
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert_accessible(page)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("dialog", name="Preview")).to_be_visible()
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(body(page, 2)).to_be_visible()
