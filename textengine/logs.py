"""How log lines are made: one an event."""

import logging


class WithoutTheirTracebacks(logging.Filter):
    """What a client got wrong is one line: only an error of ours brings its traceback along."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return True
