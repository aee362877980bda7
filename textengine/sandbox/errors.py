"""The errors of Twilio's API by number, and which numbers end a delivery instead of a request."""

UNAUTHORIZED, NOT_FOUND, NOT_READY, TOO_MANY, SERVER_ERROR = 20003, 20404, 20009, 20429, 20500

MESSAGES = {
    11200: "HTTP retrieval failure",
    12300: "Invalid Content-Type",
    20001: "{}",
    20003: "Authenticate",
    20009: "Cannot delete this resource before the delivery of the message is complete",
    20404: "The requested resource {} was not found",
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    21211: "Invalid 'To' Phone Number: {}",
    21212: "Invalid From Number (caller ID): {}",
    21266: "'To' and 'From' number cannot be the same: {}",
    21602: "Message body or media URLs must be specified.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number provided ({}) is not a valid message-capable Twilio phone number.",
    21609: "The 'StatusCallback' URL {} is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21614: "'To' number is not a valid mobile number: {}",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    21620: "Invalid media URL(s): {}",
    21623: "Number of media files exceeds the allowed limit of 10.",
    21624: "Invalid validity period value: {}",
    21701: "The Messaging Service does not exist: {}",
    30001: "Queue overflow",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30019: "Content size exceeds carrier limit",
    30409: "This message can no longer be canceled",
}
STATUSES = {20003: 401, 20009: 409, 20404: 404, 20429: 429, 20500: 500, 20503: 503, 30409: 409, 63038: 429}
# The message never left the carrier: `failed`. Any other number is a network's no: `undelivered`.
NEVER_SENT = frozenset({11200, 12300, 21610, 30001, 30002, 30019, 30022, 30023, 30024})


class ApiError(Exception):
    """A request refused, with Twilio's number for the reason."""

    def __init__(self, code, detail=""):
        """Name the error by `code`; `detail` is the value that the sentence quotes."""
        self.code = code
        self.message = describe(code).format(detail)
        self.status = STATUSES.get(code, 400)
        super().__init__(self.message)

    def envelope(self):
        """Return the body that Twilio answers with."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def describe(code):
    """Return the sentence for `code`, a plain one for a number that is not in the table."""
    return MESSAGES.get(code, f"Error {code}")


def refuses_request(code):
    """Say whether `code` is the answer to a request, rather than the end of a delivery."""
    return 20000 <= code < 30000 or code == 63038


def failure_status(code):
    """Return the final status of a message whose delivery ended with `code`."""
    return "failed" if code in NEVER_SENT else "undelivered"
