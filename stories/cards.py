"""The picture that stands for a story where its page is shared: its title, and what to text where."""

import hashlib
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent / "fonts" / "SourceSerif4Display-Bold.otf"
# What the sites that show such cards ask for.
SIZE = WIDTH, HEIGHT = 1200, 630
MARGIN = 84
PAPER, INK, QUIET, BLUE, WHITE = "#fbfaf7", "#1c2029", "#5b6270", "#1f5fd6", "#ffffff"
TITLE_SIZES = range(112, 47, -8)
TITLE_TOP, TITLE_BOTTOM, TITLE_WIDTH = 150, 440, WIDTH - 2 * MARGIN
TEXT_MIDDLE = 516
LINE_HEIGHT = 1.1
KICKER = "A story by text message"
# A code point that no font has a drawing for.
MISSING = "\uffff"


@dataclass(frozen=True, slots=True)
class Card:
    """What the picture says; an empty `keyword` or `number` leaves out the line that says what to text."""

    title: str
    keyword: str
    number: str
    newsroom: str

    @property
    def digest(self) -> str:
        """What changes when the picture does, unless it is drawn in another way."""
        said = "\n".join([self.title, self.keyword, self.number, self.newsroom])
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def png(self) -> bytes:
        """Draw it. A title in letters that the font lacks is left to the words that sites show below the picture."""
        picture = Image.new("RGB", SIZE, PAPER)
        draw = ImageDraw.Draw(picture)
        newsroom, title = drawable(self.newsroom), drawable(self.title)
        draw_fitted(draw, (MARGIN, 76), newsroom or KICKER, 34, QUIET)
        draw_title(draw, title or KICKER)
        if self.number and drawable(self.keyword) == self.keyword != "":
            draw_what_to_text(draw, self.keyword, self.number)
        draw.rectangle([0, HEIGHT - 14, WIDTH, HEIGHT], fill=BLUE)
        file = BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()


def draw_title(draw: ImageDraw.ImageDraw, title: str) -> None:
    """Draw the title as large as it fits; one that does not fit at all ends in an ellipsis."""
    for size in TITLE_SIZES:
        lines = balanced(title, font(size), TITLE_WIDTH)
        room = int((TITLE_BOTTOM - TITLE_TOP) // (size * LINE_HEIGHT))
        if len(lines) <= room:
            break
    else:
        lines = [*lines[: room - 1], f"{lines[room - 1].rstrip(' .,;:')}…"]
    for place, line in enumerate(lines):
        draw.text((MARGIN, TITLE_TOP + place * size * LINE_HEIGHT), line, INK, font(size))


def balanced(words: str, of: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break `words` into as few lines as this width allows, and these into similar lengths."""
    measured = [(piece, of.getlength(piece)) for word in words.split() for piece in pieces(word, of, width)]
    space = of.getlength(" ")
    lines = filled(measured, space, width)
    widest = max(length for _, length in measured)
    while width - 20 >= widest and len(narrower := filled(measured, space, width := width - 20)) == len(lines):
        lines = narrower
    return lines


def pieces(word: str, of: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    """Break a word that is wider than a line wherever a line ends."""
    while of.getlength(word) > width:
        fits = max(1, bisect_right(range(len(word)), width, key=lambda end: of.getlength(word[:end])) - 1)
        yield word[:fits]
        word = word[fits:]
    yield word


def filled(measured: list[tuple[str, float]], space: float, width: int) -> list[str]:
    """Put words of these lengths into lines, each as full as it can be."""
    lines, left = [], -1.0
    for word, length in measured:
        if length + space > left:
            lines.append(word)
            left = width - length
        else:
            lines[-1] += f" {word}"
            left -= length + space
    return lines


def draw_what_to_text(draw: ImageDraw.ImageDraw, keyword: str, number: str) -> None:
    """Draw "Text KEYWORD to NUMBER", the keyword as a bubble on a reader's phone."""
    size = next(size for size in range(46, 9, -2) if length(keyword, number, size) <= TITLE_WIDTH or size == 10)
    of, x = font(size), MARGIN
    draw.text((x, TEXT_MIDDLE), "Text", INK, of, anchor="lm")
    x += of.getlength("Text") + size * 0.45
    width = of.getlength(keyword) + size * 1.3
    draw_bubble(draw, int(x), int(width), size)
    draw.text((x + size * 0.65, TEXT_MIDDLE), keyword, WHITE, of, anchor="lm")
    draw.text((x + width + size * 0.45, TEXT_MIDDLE), f"to {number}", INK, of, anchor="lm")


def draw_bubble(draw: ImageDraw.ImageDraw, x: int, width: int, size: int) -> None:
    """Draw a bubble around a word of this size, four times as large at first, for round corners without steps."""
    height, scale = int(size * 1.8), 4
    mask = Image.new("L", (width * scale, height * scale))
    shape, right, bottom = ImageDraw.Draw(mask), width * scale - 1, height * scale - 1
    shape.rounded_rectangle([0, 0, right, bottom], size * 0.8 * scale, 255)
    shape.rounded_rectangle([right // 2, bottom // 2, right, bottom], size * 0.18 * scale, 255)
    draw.bitmap((x, TEXT_MIDDLE - int(size * 0.95)), mask.resize((width, height), Image.Resampling.LANCZOS), BLUE)


def length(keyword: str, number: str, size: int) -> float:
    return font(size).getlength(f"Text{keyword}to {number}") + size * 2.2


def draw_fitted(draw: ImageDraw.ImageDraw, place: tuple[int, int], words: str, size: int, ink: str) -> None:
    """Draw one line, smaller where it would be too wide."""
    too_wide = max(1, font(size).getlength(words) / TITLE_WIDTH)
    draw.text(place, words, ink, font(max(10, int(size / too_wide))))


def drawable(words: str) -> str:
    """Return `words` as the font can draw them, without emoji and signs that it lacks; empty if letters are lacking."""
    seen = "".join(character for character in words if not steers(character))
    lacking = {character for character in set(seen) if not character.isspace() and not has_glyph(character)}
    if any(unicodedata.category(character)[0] in "LMN" for character in lacking):
        return ""
    return " ".join("".join(character for character in seen if character not in lacking).split())


def steers(character: str) -> bool:
    """Tell whether this only says how its neighbours look, such as an emoji's variation selector."""
    return unicodedata.category(character) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(character, "")


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size)


def has_glyph(character: str) -> bool:
    """Tell whether the font has a drawing of its own for this, and not the empty box of whatever it lacks."""
    small = font(24)
    return bytes(small.getmask(character)) != bytes(small.getmask(MISSING))
