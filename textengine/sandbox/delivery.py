"""From accepted to delivered: statuses, one after the other, and the callbacks that tell of them."""

import asyncio
import time
from collections import deque
from secrets import token_hex

from .errors import describe, failure_status, refuses_request
from .media import Unfetchable, fetch_all
from .webhooks import Unanswered

CALLBACKS_AT_ONCE = 32
FETCHES_AT_ONCE = 8
# How the delay from accepted to delivered is shared out.
UNTIL_SENDING, UNTIL_SENT, UNTIL_DELIVERED = 0.1, 0.4, 0.5
PRICE_OF_SEGMENT, PRICE_OF_MMS = 0.0075, 0.02


class Delivery:
    """Moves every outbound message through Twilio's statuses.

    A message costs three timers and no task. Callbacks wait in one line a message, so that one message's
    come in order, and a fixed number of workers serves the lines: a slow receiver slows callbacks, never
    the API.
    """

    def __init__(self, store, faults, webhooks, http, delay):
        """`delay` is in seconds, from accepted to delivered."""
        self.store, self.faults, self.webhooks, self.http = store, faults, webhooks, http
        self.delay = delay
        self.lines = {}
        self.held = {}
        self.ready = asyncio.Queue()
        self.fetching = asyncio.Semaphore(FETCHES_AT_ONCE)
        self.tasks = set()

    def start(self):
        """Start the workers and go on with what a former process left unfinished."""
        for _ in range(CALLBACKS_AT_ONCE):
            self._spawn(self._serve_lines())
        for message in list(self.store.messages.values()):
            if not message.is_final:
                {"sending": self._carry, "sent": self._deliver}.get(message.status, self._begin)(message)

    def stop(self):
        for task in self.tasks:
            task.cancel()

    def accept(self, message):
        """Take charge of a message that the store already knows."""
        self._after(UNTIL_SENDING, self._begin, message)

    def _after(self, share, step, message):
        asyncio.get_running_loop().call_later(self.delay * share, step, message)

    def _spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _begin(self, message):
        if message.deleted or message.is_final:
            return
        sender = message.sender or self.store.our_number
        self._move(message, "sending", sender=sender)
        # A STOP between accepting and sending wins; the carrier's own replies are exempt from it.
        if message.direction == "outbound-api" and self.store.is_opted_out(sender, message.recipient):
            self._fail(message, 21610)
        else:
            self._carry(message)

    def _carry(self, message):
        if message.media_urls and not message.media:
            self._spawn(self._fetch_media(message))
        else:
            self._after(UNTIL_SENT, self._send, message)

    async def _fetch_media(self, message):
        try:
            async with self.fetching:
                attachments = await fetch_all(self.http, message.media_urls)
        except Unfetchable as problem:
            self.store.warn(message.phone, f"A picture was not sent: {problem}.")
            self._fail(message, problem.code)
            return
        for url, content_type, content in attachments:
            self.store.attach(message, url, content_type, content)
        self._after(UNTIL_SENT, self._send, message)

    def _send(self, message):
        code = self.faults.code_for(message.recipient)
        if code and not refuses_request(code) and failure_status(code) == "failed":
            self._fail(message, code)
            return
        cents = PRICE_OF_MMS if message.media_urls else PRICE_OF_SEGMENT * message.num_segments
        self._move(message, "sent", sent=time.time(), price=f"-{cents:.5f}")
        self._after(UNTIL_DELIVERED, self._deliver, message)

    def _deliver(self, message):
        code = self.faults.code_for(message.recipient)
        if code and not refuses_request(code):
            self._fail(message, code)
        else:
            self._move(message, "delivered")

    def _fail(self, message, code):
        self._move(message, failure_status(code), error_code=code, error_message=describe(code))

    def _move(self, message, status, **values):
        self.store.change(message, status=status, **values)
        if message.status_callback:
            self._tell(message)

    def _tell(self, message):
        """Put the callback for the present status into its line, as the faults in force want it."""
        params = _callback_params(message)
        if message.sid in self.held or (message.status == "sending" and self.faults.hits_message("callback-reversed")):
            self.held.setdefault(message.sid, []).append(params)
            if not message.is_final:
                return
            batch = self.held.pop(message.sid)[::-1]
        else:
            batch = [params]
        if self.faults.hits_message("callback-doubled"):
            batch = [params for params in batch for _ in range(2)]
        if self.faults.callback_late:
            loop = asyncio.get_running_loop()
            loop.call_later(self.faults.callback_late, self._line_up, message, batch)
        else:
            self._line_up(message, batch)

    def _line_up(self, message, batch):
        line = self.lines.get(message.sid)
        if line is None:
            line = self.lines[message.sid] = deque()
            self.ready.put_nowait(message)
        line.extend(batch)

    async def _serve_lines(self):
        while True:
            message = await self.ready.get()
            line = self.lines[message.sid]
            while line:
                await self._call_back(message, line.popleft())
            # No await since the line was found empty, so nothing can have joined it.
            del self.lines[message.sid]

    async def _call_back(self, message, params):
        status = params["MessageStatus"]
        try:
            answer = await self.webhooks.post(message.status_callback, params, token_hex(16))
        except Unanswered as problem:
            self.store.warn(message.phone, f"The status callback ({status}) {problem}.")
            return
        if not answer.is_ok:
            self.store.warn(message.phone, f"The status callback ({status}) answered {answer.status}.")


def _callback_params(message):
    params = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageStatus": message.status,
        "SmsStatus": message.status,
        "AccountSid": message.account_sid,
        "From": message.sender,
        "To": message.recipient,
        "ApiVersion": "2010-04-01",
    }
    if message.messaging_service_sid:
        params["MessagingServiceSid"] = message.messaging_service_sid
    if message.error_code:
        params["ErrorCode"] = str(message.error_code)
    if message.is_final:
        params["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime(message.updated))
    return params
