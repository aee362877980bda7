"""The plain alphabet of phones, and what can stand in it for what word processors write."""

import unicodedata

GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_ESCAPED = frozenset("^{}\\[~]|€\f")
GSM7_ALL = GSM7 | GSM7_ESCAPED

# Each equal, and the characters that it can stand for.
EQUALS = {
    '"': "“”„‟«»″‶〝〞〟ʺ˝❝❞＂",
    "'": "‘’‚‛‹›′‵`´ʹʻʼʽˈˊˋ❛❜｀＇",
    "'''": "‴",
    "-": "‐‑‒–—―−⁃﹘﹣－⸺⸻─━" + "•‣◦●○▪▫■□",
    "...": "…⋯",
    "..": "‥",
    ".": "․·‧∙⋅",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u2800\u3000",
    "\n": "\v\x85\u2028\u2029",
    "*": "∗⁎✱",
    "/": "⁄∕÷",
    ":": "∶",
    "x": "×",
    "+/-": "±",
    "<=": "≤",
    ">=": "≥",
    "->": "→",
    "<-": "←",
    "=>": "⇒",
    "~": "∼˜",
    "^": "ˆ",
    "_": "‗",
    "|": "¦∣",
    "!!": "‼",
    "??": "⁇",
    "?!": "⁈",
    "!?": "⁉",
    "(c)": "©",
    "(R)": "®",
    "(TM)": "™",
    "No.": "№",
}
# They show nothing: soft hyphens, zero-width spaces, marks of direction, control characters.
INVISIBLE = [
    *(code for code in range(0x20) if chr(code) not in "\t\n\v\f\r"),
    *(code for code in range(0x7F, 0xA0) if code != 0x85),
    *(0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFFF9, 0xFFFC),
]
# Other shapes of plain characters, which Unicode itself decomposes: fullwidth and small forms, ligatures, digraphs,
# letters and digits of mathematics.
SHAPES = [
    *range(0xFF01, 0xFFE7),
    *range(0xFE50, 0xFE6C),
    *range(0xFB00, 0xFB07),
    *(0x132, 0x133),
    *range(0x1D400, 0x1D800),
]
# They cling to the character before them and change its look at most.
CLINGING = "\u034f\u200c\u200d\ufe0e\ufe0f"
AS_EMOJI = "\ufe0f"


def make_table() -> dict[str, str]:
    shapes = {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in SHAPES}
    return (
        {char: shape for char, shape in shapes.items() if GSM7_ALL.issuperset(shape)}
        | {char: plain for plain, characters in EQUALS.items() for char in characters}
        | {chr(code): "" for code in INVISIBLE}
    )


PLAIN = make_table()


def plain_equal(cluster: str) -> str | None:
    """Return what can stand for a character (or itself if it is plain), "" if it can be left out, None if nothing.

    A sign that is dressed as an emoji (™️, ▪️) stays one. A letter with its accent behind it becomes the one letter.
    """
    base = cluster.rstrip(CLINGING)
    if base in GSM7_ALL or not base:
        return base
    if AS_EMOJI in cluster:
        return None
    composed = unicodedata.normalize("NFC", base)
    return PLAIN.get(base, composed if composed in GSM7_ALL else None)
