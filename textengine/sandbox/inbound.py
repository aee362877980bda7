"""From a phone to the project: the inbound message, the webhook call, and what its answer sends back."""

import asyncio
import time
from mimetypes import guess_type
from secrets import token_hex
from urllib.parse import urlsplit

from stories.segments import count_segments

from .keywords import handle_keyword
from .media import Unfetchable, fetch_all
from .phone_numbers import place_of
from .store import API_VERSION, INBOUND, Message, new_sid
from .twiml import BadAnswer, read_answer
from .webhooks import Unanswered, parse_target

# When no account was named and none has called yet, the webhook still needs one.
UNKNOWN_ACCOUNT = "AC" + "0" * 32


class Inbound:
    """Takes a text from a phone and calls the webhook with it."""

    def __init__(self, store, delivery, webhooks, http, inboxes, *, own_url, account_sid=None):
        """`own_url` is where this sandbox answers, for the links to inbound pictures."""
        self.store, self.delivery, self.webhooks, self.http = store, delivery, webhooks, http
        self.inboxes, self.own_url, self.account_sid = inboxes, own_url, account_sid
        self.tasks = set()

    async def text(self, phone, ours, body, media_urls=()):
        """Let `phone` text `ours` and return the message.

        Return when the webhook's first attempt has ended, whatever came of it, so that two texts in a row
        reach the project in order. Further attempts go on behind.
        """
        message = Message(
            sid=new_sid("MM" if media_urls else "SM"),
            account_sid=self.account_sid or self.store.account_sid or UNKNOWN_ACCOUNT,
            direction=INBOUND,
            sender=phone,
            recipient=ours,
            body=body,
            status="received",
            created=(now := time.time()),
            updated=now,
            sent=now,
            num_segments=count_segments(body),
            media_urls=tuple(media_urls),
        )
        self.store.add(message)
        for url in media_urls:
            await self._attach(message, url)
        reply = handle_keyword(self.store, ours, phone, body)
        if reply:
            self._reply(message, reply)
        first_attempt = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._call(message, first_attempt))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        await first_attempt
        return message

    def stop(self):
        for task in self.tasks:
            task.cancel()

    async def _attach(self, message, url):
        """Keep the picture at `url`; a link that leads nowhere is kept too, because phones do send such."""
        try:
            ((_, content_type, content),) = await fetch_all(self.http, [url])
        except Unfetchable as problem:
            guessed, _ = guess_type(urlsplit(url).path)
            content_type, content = guessed or "application/octet-stream", None
            self.store.warn(message.phone, f"The picture has no content: {problem}.")
        self.store.attach(message, url, content_type, content)
        self.store.tell(message)

    async def _call(self, message, first_attempt):
        def ended():
            if not first_attempt.done():
                first_attempt.set_result(None)

        try:
            url = self.inboxes.url_for(message.ours)
            if not url:
                self.store.warn(
                    message.phone, f"Nobody hears this text: {message.ours} is not set to post it to a URL."
                )
                return
            answer = await self.webhooks.post(url, self._params(message), token_hex(16), on_failure=ended)
            for reply in read_answer(answer):
                self._send_back(message, reply)
        except Unanswered as problem:
            self.store.warn(message.phone, f"The webhook {problem}.")
        except BadAnswer as problem:
            self.store.warn(message.phone, str(problem))
        finally:
            ended()

    def _send_back(self, message, reply):
        if self.store.is_opted_out(message.ours, message.phone):
            self.store.warn(message.phone, "The webhook's reply was not sent: this phone has said STOP.")
            return
        for url in (*reply.media_urls, reply.status_callback):
            try:
                if url:
                    parse_target(url)
            except ValueError:
                raise BadAnswer(f"The webhook's TwiML names {url}, which is no absolute URL.") from None
        self._reply(message, reply.body, reply.media_urls, reply.status_callback)

    def _reply(self, message, body, media_urls=(), status_callback=None):
        reply = Message(
            sid=new_sid("MM" if media_urls else "SM"),
            account_sid=message.account_sid,
            direction="outbound-reply",
            sender=message.ours,
            recipient=message.phone,
            body=body,
            status="queued",
            created=(now := time.time()),
            updated=now,
            num_segments=count_segments(body),
            media_urls=media_urls,
            status_callback=status_callback,
        )
        self.store.add(reply)
        self.delivery.accept(reply)

    def _params(self, message):
        """Return the parameters of Twilio's incoming message webhook."""
        params = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsMessageSid": message.sid,
            "AccountSid": message.account_sid,
            "From": message.sender,
            "To": message.recipient,
            "Body": message.body,
            "NumMedia": str(len(message.media)),
            "NumSegments": str(message.num_segments),
            "SmsStatus": "received",
            "ApiVersion": API_VERSION,
        }
        for side, number in (("From", message.sender), ("To", message.recipient)):
            params.update({f"{side}{name}": value for name, value in place_of(number).items()})
        for index, media in enumerate(message.media):
            params[f"MediaUrl{index}"] = self.own_url + media.uri
            params[f"MediaContentType{index}"] = media.content_type
        return params
