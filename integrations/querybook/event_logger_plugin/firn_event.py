"""One event of Querybook as Firn's API takes it."""

import enum
import json
import time
import uuid

MAX_NODES = 100_000  # values of one event; beyond, they are left out
MAX_DEPTH = 100  # nesting; Firn takes 128, the event around it included
MAX_INT_BITS = 3_300  # Firn takes 1,000 digits
LEFT_OUT = "… left out"


def event_line(uid, event_type, event_data, timestamp) -> bytes:
    """The event as a line of JSON, with an id, so that it can be sent twice and
    is stored once. Its stream and its actor are the user's number; 0 is no
    user."""
    user = _user(uid)
    if not isinstance(event_data, dict):
        event_data = {"value": event_data}
    event = {
        "id": str(uuid.uuid4()),
        "stream_id": user,
        "actor": user,
        "event_type": _text(str(getattr(event_type, "value", event_type))),
        "timestamp": _milliseconds(timestamp),
        "payload": plain(event_data),
    }
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def _user(uid) -> str:
    if uid is None:
        return "0"
    try:
        return str(int(uid))
    except (TypeError, ValueError):
        return _text(str(uid))[:100] or "0"


def _milliseconds(timestamp) -> int:
    try:
        return int(timestamp)
    except (TypeError, ValueError, OverflowError):  # None, most of all
        return int(time.time() * 1000)


def plain(value):
    """value in what JSON can say: tuples and sets as lists, what is beyond JSON
    as its text."""
    return _plain(value, 0, [MAX_NODES])


def _plain(value, depth, left):
    left[0] -= 1
    if left[0] < 0:
        return LEFT_OUT
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value, depth + 1, left)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= MAX_INT_BITS else hex(value)[:100] + LEFT_OUT
    if isinstance(value, float):
        # Not a number and the infinities have no place in JSON.
        return float(value) if value - value == 0 else str(float(value))
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if isinstance(value, (dict, list, tuple, set, frozenset)) and depth >= MAX_DEPTH:
        return LEFT_OUT
    if isinstance(value, dict):
        return {_key(k): _plain(v, depth + 1, left) for k, v in _some(value.items(), left)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v, depth + 1, left) for v in _some(value, left)]
    return _unknown(value)


def _some(values, left):
    """values as far as there is room for them, and one beyond, which says so."""
    for value in values:
        yield value
        if left[0] < 0:
            return


def _key(key) -> str:
    return _text(key) if isinstance(key, str) else _unknown(key)


def _unknown(value) -> str:
    try:
        return _text(str(value))
    except Exception:
        return "<%s>" % type(value).__name__


def _text(text: str) -> str:
    """text without halves of characters, which are no text."""
    return str.encode(text, "utf-8", "replace").decode("utf-8")
