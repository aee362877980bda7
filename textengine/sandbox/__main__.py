"""Starting the sandbox: `python -m textengine.sandbox --port N --webhook URL --auth-token T`."""

import argparse
import contextlib
import os
import signal
import socket
import sys

from textengine import missing

try:
    import uvicorn

    from .api import ACCOUNT_SID
    from .app import Connection, build_app
    from .archive import Archive, NoArchive, UnusableFile
    from .faults import KINDS, LONGEST, OUTCOMES, BadFault, Faults
    from .phone_numbers import is_e164, is_short_code
    from .store import Store
    from .webhooks import parse_target
except ModuleNotFoundError as error:
    sys.exit(missing.cure(error))

BACKLOG = 2048


class CannotStart(Exception):
    """Something on this machine is in the way; the sentence says what to do."""


class Server(uvicorn.Server):
    """A server that stops at once, also while phones listen for events or a request hangs on purpose."""

    async def shutdown(self, sockets=None):
        """Hang up on everyone and end."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def read_arguments(arguments=None):
    """Return the parsed command line; a wrong value ends the process with a sentence and code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m textengine.sandbox",
        description="A carrier on this machine: Twilio's Messages API, its webhooks, phones in a browser.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--port", type=_port, required=True, help="where the API and the phones answer")
    add("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    add("--webhook", type=_url, required=True, help="URL that inbound texts are posted to")
    # In the environment it stands in nobody's list of processes.
    token = os.environ.get("TWILIO_AUTH_TOKEN")
    add(
        "--auth-token",
        default=token,
        required=not token,
        help="the account's token: logs in to the API and signs webhooks (default: TWILIO_AUTH_TOKEN)",
    )
    add("--account-sid", type=_account, help="accept only this account (default: any AC…)")
    add(
        "--number",
        type=_number,
        action="append",
        default=[],
        help="a number of ours; repeatable (default: TWILIO_NUMBER, else any number is ours)",
    )
    add("--data", metavar="FILE", help="SQLite file that keeps everything over a restart (default: memory)")
    add("--delivery-delay", type=_seconds, default=0.25, help="seconds from accepted to delivered")
    add("--latency", type=_seconds, default=0, help="seconds before a created message is answered")
    add(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="KIND=RATE",
        help=f"what goes wrong, and how often (0 to 1): {', '.join(KINDS)}; callback-late=SECONDS",
    )
    add(
        "--outcome",
        type=_outcome,
        action="append",
        default=[],
        metavar="NUMBER=OUTCOME",
        help=f"how texts to a number end: {', '.join(OUTCOMES)}, or an error code of five digits; repeatable",
    )
    options = parser.parse_args(arguments)
    if not options.number and os.environ.get("TWILIO_NUMBER"):
        try:
            options.number = [_number(os.environ["TWILIO_NUMBER"])]
        except argparse.ArgumentTypeError as error:
            parser.error(f"TWILIO_NUMBER: {error}")
    try:
        options.faults = _faults(options)
    except BadFault as error:
        parser.error(str(error))
    return options


def _faults(options):
    late = {kind: rate for kind, rate in options.fault if kind == "callback-late"}
    rates = {kind: rate for kind, rate in options.fault if kind != "callback-late"}
    faults = Faults()
    faults.replace({"latency": options.latency, **late, "rates": rates, "numbers": dict(options.outcome)})
    return faults


def _port(text):
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port; it is a number from 0 (any free one) to 65535")
    return int(text)


def _url(text):
    try:
        parse_target(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not an absolute http or https URL") from None
    return text


def _account(text):
    if not ACCOUNT_SID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text} is not an account SID: AC and 32 hexadecimal digits")
    return text


def _number(text):
    if not (is_e164(text) or is_short_code(text)):
        raise argparse.ArgumentTypeError(f"{text} is not a number like +15005550006")
    return text


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds between 0 and {LONGEST}")
    return seconds


def _fault(text):
    kind, _, rate = text.partition("=")
    try:
        return kind, float(rate)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not KIND=RATE, such as drop-after=0.1") from None


def _outcome(text):
    number, separator, outcome = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text} is not NUMBER=OUTCOME, such as +14155550123=landline")
    return number, outcome


def listen(host, port):
    """Return the listening socket; raise CannotStart when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol must be named: asyncio turns Nagle's waiting off only for a socket that says TCP,
        # and with it on every answer costs a client 40 ms.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        return listener
    except OSError as error:
        reason = error.strerror or error
        raise CannotStart(
            f"Port {port} on {host} cannot be used ({reason}); stop what uses it or choose another --port."
        ) from error


def run(options):
    """Serve until a signal says otherwise."""
    listener = listen(options.host, options.port)
    host, port = listener.getsockname()[:2]
    own_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    archive = Archive(options.data) if options.data else NoArchive()
    app = build_app(
        Store(archive, options.number),
        options.faults,
        own_url=own_url,
        webhook_url=options.webhook,
        token=options.auth_token,
        account_sid=options.account_sid,
        delay=options.delivery_delay,
    )
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    sys.stdout.write(f"The sandbox carrier listens on {own_url}: phones in a browser, Twilio's API below it.\n")
    sys.stdout.flush()
    Server(config).run(sockets=[listener])


def main():
    """Run the sandbox; return the exit code."""
    options = read_arguments()
    # The server raises the signal again once it has stopped; by then it has done all that it asked for.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            run(options)
    except (CannotStart, UnusableFile) as problem:
        sys.stderr.write(f"sandbox: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
