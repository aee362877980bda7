"""The phones in a real browser: texting, being texted, faults, narrow screens and the keyboard."""

import base64
import re

import pytest
import requests
from playwright.sync_api import expect

from .sandbox_process import SandboxProcess
from .webhook_receiver import Answer, File, Receiver

OURS, FIRST, SECOND = "+15005550006", "+14155550123", "+14155550188"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def carrier(receiver):
    with SandboxProcess(f"{receiver.url}/inbound", "token", number=OURS) as carrier:
        yield carrier


@pytest.fixture
def page(browser, carrier):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(8000)
    page = context.new_page()
    problems = []
    # A refused style or script is a message on the console, and a failed fault form is one too.
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.problems = problems
    page.goto(carrier.url)
    yield page
    context.close()
    assert problems == []


def phone(page, number):
    return page.get_by_role("article", name=f"Phone {number}")


def bubbles(page, number):
    return phone(page, number).locator(".bubble")


def send(carrier, number=FIRST, body="Hello", **values):
    return carrier.client().messages.create(to=number, from_=OURS, body=body, **values)


@pytest.mark.parametrize(("typed", "kind"), [("abc", "Sender name"), ("123", "Short code")])
def test_what_is_no_phone_number_says_that_nothing_can_be_sent_to_it(page, typed, kind):
    page.get_by_label("Number of the phone to add").fill(typed)
    page.get_by_role("button", name="Add a phone").click()
    added = phone(page, typed)
    expect(added.locator(".reader__kind")).to_have_text(f"{kind}: gets no answer")
    expect(added.locator(".screen__empty")).to_contain_text("nothing can be sent to it")
    expect(phone(page, FIRST).locator(".reader__kind")).to_be_hidden()


def test_two_phones_wait_for_texts(page, carrier):
    assert page.get_by_role("article").count() == 2
    assert page.locator("#our-number").inner_text() == "+1 500 555 0006"
    assert phone(page, FIRST).get_by_text("No texts yet.").is_visible()


def test_typing_and_enter_sends_a_text(page, carrier, receiver):
    receiver.default = Answer(body="<Response><Message>Welcome</Message></Response>")
    body = phone(page, FIRST).get_by_role("textbox", name="Text message")
    body.fill("River")
    body.press("Shift+Enter")
    body.press_sequentially("please")
    body.press("Enter")
    bubbles(page, FIRST).get_by_text("Welcome").wait_for()
    assert receiver.calls[0].params["Body"] == "River\nplease"
    classes = [bubble.get_attribute("class") for bubble in bubbles(page, FIRST).all()]
    assert ["from-reader" in name for name in classes] == [True, False]
    assert bubbles(page, SECOND).count() == 0
    assert body.input_value() == ""


def test_texts_typed_quickly_arrive_in_their_order(page, carrier, receiver):
    receiver.default = Answer(seconds=0.05)
    body = phone(page, FIRST).get_by_role("textbox", name="Text message")
    for word in ["one", "two", "three", "four"]:
        body.fill(word)
        body.press("Enter")
    carrier.wait_until(lambda: len(receiver.calls) == 4)
    assert [call.params["Body"] for call in receiver.calls] == ["one", "two", "three", "four"]


def test_a_text_appears_by_itself_and_its_status_moves_on(page, carrier):
    bubble = bubbles(page, FIRST).filter(has_text="Hello")
    page.wait_for_function("() => document.querySelectorAll('article').length === 2")
    send(carrier)
    bubble.get_by_text("Delivered").wait_for()
    assert "bubble--pending" not in bubble.get_attribute("class")
    assert bubbles(page, FIRST).count() == 1


def test_an_undelivered_text_shows_its_code(page, carrier):
    carrier.faults({"numbers": {FIRST: "unreachable"}})
    send(carrier)
    bubbles(page, FIRST).get_by_text("30003").wait_for()


def test_a_body_is_text_and_never_markup(page, carrier):
    send(carrier, body="<img src=x onerror=alert(1)> <b>bold</b> https://example.org/a?b=c.")
    link = bubbles(page, FIRST).get_by_role("link", name="https://example.org/a?b=c")
    link.wait_for()
    assert bubbles(page, FIRST).locator("img, b").count() == 0
    assert "<img src=x onerror=alert(1)>" in bubbles(page, FIRST).inner_text()


def test_a_picture_is_shown(page, carrier, receiver):
    receiver.files["/p.png"] = File(PNG)
    send(carrier, media_url=[f"{receiver.url}/p.png"])
    picture = bubbles(page, FIRST).locator("img")
    picture.wait_for()
    page.wait_for_function("() => document.querySelector('.bubble img').naturalWidth === 1")


def test_a_picture_link_is_attached_by_keyboard(page, carrier, receiver):
    receiver.files["/p.png"] = File(PNG)
    of_first = phone(page, FIRST)
    of_first.get_by_role("button", name="Attach a picture").press("Enter")
    page.keyboard.type(f"{receiver.url}/p.png")
    page.keyboard.press("Enter")
    bubbles(page, FIRST).locator("img").wait_for()
    assert receiver.calls[0].params["NumMedia"] == "1"
    assert not of_first.get_by_role("textbox", name="Link to a picture").is_visible()


def test_a_webhook_that_refuses_is_shown_near_the_phone(page, carrier, receiver):
    receiver.default = Answer(status=403)
    body = phone(page, FIRST).get_by_role("textbox", name="Text message")
    body.fill("River")
    body.press("Enter")
    phone(page, FIRST).locator(".warnings").get_by_text("The webhook answered 403.").wait_for()


def test_a_stopped_phone_says_so(page, carrier):
    carrier.text(FIRST, "STOP")
    phone(page, FIRST).get_by_text("Has said STOP").wait_for()
    carrier.text(FIRST, "START")
    phone(page, FIRST).get_by_text("Has said STOP").wait_for(state="hidden")


def test_a_phone_is_added_and_stays_over_a_reload(page, carrier):
    page.get_by_label("Number of the phone to add").fill("nobody at all, really")
    page.get_by_role("button", name="Add a phone").click()
    page.get_by_text("is not a phone number").wait_for()
    page.get_by_label("Number of the phone to add").fill("1 415 555 0142")
    page.get_by_role("button", name="Add a phone").click()
    phone(page, "+14155550142").wait_for()
    phone(page, FIRST).get_by_role("button", name="Hide").click()
    page.reload()
    phone(page, "+14155550142").wait_for()
    assert phone(page, FIRST).count() == 0
    page.problems[:] = [problem for problem in page.problems if "400" not in problem]


def test_the_page_catches_up_after_the_sandbox_was_gone(browser, receiver, tmp_path):
    with SandboxProcess(receiver.url, "token", number=OURS, data=tmp_path / "data.sqlite3") as carrier:
        page = browser.new_page()
        page.goto(carrier.url)
        send(carrier, body="before")
        bubbles(page, FIRST).get_by_text("before").wait_for()
        carrier.kill()
        page.get_by_text("does not answer").wait_for()
        carrier.start()
        send(carrier, body="meanwhile")
        bubbles(page, FIRST).get_by_text("meanwhile").wait_for()
        assert bubbles(page, FIRST).count() == 2
        page.get_by_text("does not answer").wait_for(state="detached")
        page.close()


def test_reading_back_is_not_interrupted_by_a_new_text(page, carrier):
    for number in range(12):
        send(carrier, body=f"Text {number} " + "words " * 25)
    # Until all are delivered: a late status would scroll down at the moment of scrolling up.
    bubbles(page, FIRST).get_by_text("Delivered").nth(11).wait_for(timeout=30_000)
    screen = phone(page, FIRST).locator(".screen")
    page.wait_for_function(
        "() => { const s = document.querySelector('.screen'); "
        "return s.scrollTop > 0 && s.scrollHeight - s.scrollTop - s.clientHeight < 5 }"
    )
    screen.evaluate("(element) => { element.scrollTop = 0 }")
    send(carrier, body="The newest")
    new = phone(page, FIRST).get_by_role("button", name="New text")
    new.wait_for()
    assert screen.evaluate("(element) => element.scrollTop") == 0
    new.click()
    new.wait_for(state="hidden")


def test_faults_are_set_and_ended_from_the_panel(page, carrier):
    page.get_by_role("button", name="Faults").click()
    panel = page.get_by_role("dialog", name="Faults")
    panel.get_by_label("Too many requests").fill("25")
    panel.get_by_label("Answers come late").fill("0.5")
    panel.get_by_role("button", name="Apply").click()
    carrier.wait_until(lambda: carrier.faults()["rates"]["429"] == 0.25)
    panel.get_by_role("button", name="Next one with: Connection lost, though accepted").click()
    carrier.wait_until(lambda: carrier.faults()["next"] == [{"kind": "drop-after", "count": 1, "on": "create"}])
    panel.get_by_label("Number").fill("+1 415 555 0123")
    panel.get_by_label("Outcome").select_option("landline")
    panel.get_by_role("button", name="Add").click()
    carrier.wait_until(lambda: carrier.faults()["numbers"] == {FIRST: "landline"})
    panel.get_by_role("button", name="End all faults").click()
    carrier.wait_until(lambda: carrier.faults()["rates"]["429"] == 0)
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_and_everything_can_be_read(browser, carrier, receiver, scheme, width):
    receiver.files["/p.png"] = File(PNG)
    send(carrier, body="https://example.org/" + "long" * 60, media_url=[f"{receiver.url}/p.png"])
    carrier.faults({"numbers": {SECOND: "unreachable"}})
    send(carrier, SECOND)
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(carrier.url)
    bubbles(page, SECOND).get_by_text("30003").wait_for()
    bubbles(page, FIRST).get_by_text("Delivered").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.documentElement.scrollHeight") == 844
    box = phone(page, FIRST).locator(".phone").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    low = page.evaluate(CONTRAST, [".bubble__text", ".bubble__meta", ".thread__day", ".phone__name"])
    assert low == []
    context.close()


# Every text against the first opaque background behind it, by WCAG's formula; returns those under 4.5 to 1.
CONTRAST = """(selectors) => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const linear = (c) => c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4;
  const light = (color) => {
    const [r, g, b] = channels(color).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      const alpha = channels(color)[3];
      if (alpha === undefined || alpha === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const element of document.querySelectorAll(selectors.join())) {
    const [one, two] = [light(getComputedStyle(element).color), light(behind(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) low.push(`${element.className} ${ratio}`);
  }
  return low;
}"""


def test_the_page_carries_a_strict_policy_and_no_inline_script(carrier):
    response = requests.get(carrier.url, timeout=10)
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]*\bsrc=)", response.text) == []
    assert re.findall(r"\sstyle=|\son\w+=", response.text) == []


def test_a_number_in_the_address_cannot_write_markup(carrier):
    response = requests.get(carrier.url, params={"phone": '"><script>alert(1)</script>'}, timeout=10)
    assert "<script>alert" not in response.text


def test_a_carried_file_cannot_run_as_a_page_of_the_sandbox(carrier, receiver):
    receiver.files["/p.svg"] = File(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
    carrier.text(FIRST, "", media_url=[f"{receiver.url}/p.svg"])
    url = carrier.url + carrier.thread(FIRST)["texts"][0]["media"][0]["url"]
    headers = requests.get(url, timeout=10).headers
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_files_outside_the_pages_own_are_not_served(carrier):
    for name in ("../app.py", "app.py", "..%2Fapp.py"):
        assert requests.get(f"{carrier.url}/static/{name}", timeout=10).status_code == 404
