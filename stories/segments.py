"""How many segments a text is billed as. Pure functions; no knowledge of messages."""

GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_ESCAPED = frozenset("^{}\\[~]|€\f")
GSM7_ALL = GSM7 | GSM7_ESCAPED


def count_segments(body):
    """Count the segments of `body` the way carriers cut it.

    GSM-7 gives 160 septets in one segment and 153 each in several; anything outside it makes the whole
    text UCS-2, with 70 and 67 UTF-16 units. An escaped character or a surrogate pair costs two and is
    never cut in half, so a full segment can end one unit early (3GPP TS 23.038 and 23.040).
    """
    characters = set(body)
    if characters <= GSM7:
        # Every character costs one, so nothing can straddle an edge and a division is enough.
        return 1 if len(body) <= 160 else -(-len(body) // 153)
    if characters <= GSM7_ALL:
        costs, single, several = [2 if char in GSM7_ESCAPED else 1 for char in body], 160, 153
    else:
        costs, single, several = [2 if char > "\uffff" else 1 for char in body], 70, 67
    if sum(costs) <= single:
        return 1
    segments, room = 1, several
    for cost in costs:
        if cost > room:
            segments, room = segments + 1, several
        room -= cost
    return segments
