"""The blocks of a GIF file (GIF89a specification): which of them are shown, and which only say something."""

IMAGE, EXTENSION, END = 0x2C, 0x21, 0x3B
GRAPHIC_CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS = (b"\x0bNETSCAPE2.0\x03\x01", b"\x0bANIMEXTS1.0\x03\x01")


def bare_gif(content: bytes) -> bytes:
    """Return a GIF's frames, their times and how often they come again: no comment, no XMP, nothing behind the end.

    Raises LookupError or ValueError where the file is cut off or is no GIF.
    """
    place = 13 + colours_size(content[10])
    kept = [content[:place]]
    while content[place] != END:
        end = end_of_block(content, place)
        kept.append(shown(content[place:end]))
        place = end
    return b"".join([*kept, bytes([END])])


def colours_size(flags: int) -> int:
    """Return how many bytes the table of colours has that these flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def end_of_block(content: bytes, place: int) -> int:
    """Return where the block at `place` ends, behind the parts that its data come in."""
    if content[place] == IMAGE:
        place += 11 + colours_size(content[place + 9])
    elif content[place] == EXTENSION:
        place += 2
    else:
        raise ValueError("no block of a GIF")
    while content[place]:
        place += content[place] + 1
    return place + 1


def shown(block: bytes) -> bytes:
    """Return what of a block matters for what is seen."""
    if block[0] == IMAGE or block[1] == GRAPHIC_CONTROL:
        return block
    if block[1] == APPLICATION and block[2:16] in LOOPS:
        return block[:18] + b"\0"
    return b""
