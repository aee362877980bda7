"""STOP, START and HELP as Twilio handles them by default on long codes and toll-free numbers."""

from .phone_numbers import is_short_code, is_toll_free

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"})
START = frozenset({"START", "UNSTOP", "YES"})
TOLL_FREE_START = START - {"YES"}
HELP = frozenset({"HELP", "INFO"})

STOP_REPLY = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
START_REPLY = (
    "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
)
HELP_REPLY = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."


def handle_keyword(store, ours, phone, body):
    """Block or open the pair if `body` is a keyword; return the reply that the phone gets, or None.

    The whole text must be the keyword, in any case. STOP to a pair that is blocked already gets no second
    reply, and START or YES to one that is open is an ordinary text: a YES may answer the story.
    """
    if is_short_code(ours):
        return None
    word = body.strip().upper()
    if word in STOP:
        return STOP_REPLY if store.opt_out(ours, phone) else None
    if word in (TOLL_FREE_START if is_toll_free(ours) else START):
        return START_REPLY if store.opt_in(ours, phone) else None
    return HELP_REPLY if word in HELP else None
