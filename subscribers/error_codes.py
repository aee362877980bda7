"""The carrier's error codes in an editor's words. What the engine does about them is textengine/carrier.py's."""

WORDS = {
    12300: "the picture is of no kind that phones show",
    20003: "our account’s credentials are refused",
    20005: "our account is not active",
    20429: "too many requests at once",
    20500: "a fault at the carrier",
    20503: "the carrier is out of order",
    21211: "not a phone number",
    11200: "the picture could not be fetched",
    21408: "we may not send to this country",
    21602: "the text is empty",
    21606: "our number cannot send texts",
    21608: "a trial account sends to verified numbers only",
    21610: "the reader has said STOP",
    21611: "our number’s queue is full",
    21612: "this number cannot be reached from ours",
    21614: "not a mobile number",
    21617: "the text is too long",
    21618: "the text cannot be sent as it is",
    21619: "neither a text nor a picture",
    21620: "the picture’s address cannot be used",
    21623: "too many pictures",
    21635: "a landline",
    21703: "the messaging service has no number",
    30001: "the carrier’s queue is full",
    30002: "our account is suspended",
    30003: "phone unreachable",
    30004: "the phone blocks our texts",
    30005: "unknown phone",
    30006: "a landline, or a network out of reach",
    30007: "taken for spam by the network",
    30008: "lost on the way, nobody knows why",
    30017: "the network is congested",
    30019: "the picture is too large for the network",
    30022: "too many texts a second",
    30023: "the day’s texts to this network are used up",
    30024: "this sender is not set up for the country",
    30027: "the day’s texts to this network are used up",
    30032: "our toll-free number is not verified",
    30033: "our campaign is suspended",
    30034: "our number is not registered",
    30035: "our number is still being set up",
    30410: "the network did not answer in time",
    30450: "held back by the carrier as too many alike",
    30500: "a fault in the network",
    63038: "the day’s texts of our account are used up",
}


def in_words(code: int | None) -> str:
    """Return what an error code means; empty without one."""
    if code is None:
        return ""
    return f"{WORDS[code]} ({code})" if code in WORDS else f"error {code}"
