"""Who takes what the newsroom is told: a real mail server and a real web server on this machine."""

import email
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from aiosmtpd.controller import Controller

from textengine.tests.processes import free_port

SECRET = "only-for-tests"


class Mailbox:
    """Takes mail as a server does; refuses as many as it is told to."""

    def __init__(self):
        self.mails, self.refuses = [], 0

    async def handle_DATA(self, server, session, envelope) -> str:
        if self.refuses:
            self.refuses -= 1
            return "451 Try again later"
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"


@contextmanager
def mail_taken(settings) -> Iterator[Mailbox]:
    """Take the mail that these settings, which are changed for it, have sent to two addresses."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = controller.server.sockets[0].getsockname()[:2]
    settings.DIGEST_EMAILS = ("desk@example.org", "night@example.org")
    try:
        yield mailbox
    finally:
        controller.stop()


@contextmanager
def receiver(*answers: int):
    """A web server that answers with these statuses, and then 200; it keeps what came: headers and body."""
    came, waiting = [], list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(waiting.pop(0) if waiting else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", came
    finally:
        server.shutdown()
        server.server_close()


def wanted_by_webhook(settings, url: str) -> None:
    settings.DIGEST_WEBHOOK, settings.DIGEST_SECRET = url, SECRET
