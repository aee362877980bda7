"""django-q2's ORM broker, which also claims due messages whenever the cluster polls."""

import logging
from time import sleep

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from subscribers import dispatch

logger = logging.getLogger(__name__)


class MessageBroker(ORM):
    def dequeue(self):
        """Turn what is due into tasks, then hand out tasks as the ORM broker does.

        A database that is away for a moment is waited for here: the cluster would replace its pusher, and that
        takes ten seconds.
        """
        try:
            dispatch.claim(timezone.now())
            return super().dequeue()
        except (OperationalError, InterfaceError) as error:
            logger.warning("claim.postponed error=%s", type(error).__name__)
            connection.close()
            sleep(Conf.POLL * 5)
            return None
