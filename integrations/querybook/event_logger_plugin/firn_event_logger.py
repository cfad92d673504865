"""Querybook's events, sent to Firn.

Querybook calls log() on the thread that serves a request, so log() puts the
event into a bounded queue and returns; firn_sender.py says what becomes of it.
Nothing here blocks, and nothing raises: an event that can not be kept is
counted as dropped.

Configured by the environment:

    FIRN_SERVER    where Firn listens, such as http://127.0.0.1:7070
    FIRN_API_KEY   a key that may append events; not needed while Firn is open
"""

import atexit
import os

from const.event_log import EventType
from lib.event_logger.base_event_logger import BaseEventLogger

from .firn_event import event_line
from .firn_sender import Sender, Settings

# What Querybook's own db logger leaves out: polling, and secrets on their way in.
DENY_LIST = [
    {"type": "prefix", "route": "/admin", "method": "*"},
    {"type": "prefix", "route": "/user", "method": "GET"},
    {"type": "exact", "route": "/login/", "method": "POST"},
    {"type": "exact", "route": "/signup/", "method": "POST"},
    {"type": "exact", "route": "/user/setting/<key>/", "method": "POST"},
    {"type": "exact", "route": "/table/<schema_name>/<table_name>/sync/", "method": "PUT"},
    {"type": "exact", "route": "/announcement/", "method": "GET"},
    {"type": "exact", "route": "/query/validate/", "method": "POST"},
    {"type": "exact", "route": "/query_engine/<int:engine_id>/status/", "method": "GET"},
    {"type": "exact", "route": "/impression/<item_type>/<item_id>/count/", "method": "GET"},
    {"type": "exact", "route": "/utils/change_logs/", "method": "GET"},
    {"type": "exact", "route": "/query_engine/", "method": "GET"},
    {"type": "exact", "route": "/query_metastore/", "method": "GET"},
    {"type": "exact", "route": "/dag_exporter/", "method": "GET"},
]


class FirnEventLogger(BaseEventLogger):
    """The event logger of the name "firn"."""

    def __init__(self, settings=None):
        """settings are firn_sender.Settings; None means all its defaults."""
        super().__init__()
        self._settings = settings or Settings()
        # By process: web servers and workers fork after they have imported
        # this. A child starts with nothing; what waited in its parent is sent
        # by its parent. The key is the process's id, so that a fork that
        # Python does not hear of is noticed as well.
        self._senders = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._senders.clear)
        atexit.register(self.close)

    @property
    def logger_name(self) -> str:
        return "firn"

    @property
    def _api_deny_list(self):
        return DENY_LIST

    def log(
        self,
        uid: int,
        event_type: EventType,
        event_data: dict,
        timestamp: int = None,
    ):
        """Queue an event. timestamp is in milliseconds since the epoch; None
        means now. Returns at once and never raises."""
        sender = None
        try:
            sender = self._sender()
            sender.put(event_line(uid, event_type, event_data, timestamp))
        except Exception as e:  # a broken event must not break a request
            if sender is not None:
                sender.drop(1, "an event could not be queued: %r" % (e,))

    def health(self) -> dict:
        """What became of the events of this process: how many wait (queued),
        are stored (sent), were lost (dropped), were refused by Firn (rejected),
        and the last error, or None."""
        return self._sender().health()

    def flush(self, seconds: float) -> bool:
        """Wait until all that is queued is sent or refused; False if the time
        ran out."""
        return self._sender().flush(seconds)

    def close(self):
        """Send what waits, for exit_seconds of the settings at most, and stop.
        What is left then counts as dropped. Closing twice is harmless."""
        self._sender().close()

    def _sender(self) -> Sender:
        pid = os.getpid()
        sender = self._senders.get(pid)
        if sender is None:
            # setdefault is one step: of threads that come at once, all get the
            # same. No lock, which a fork might have left locked.
            sender = self._senders.setdefault(pid, Sender(self._settings))
            for parent in [p for p in list(self._senders) if p != pid]:
                self._senders.pop(parent, None)
        return sender
