"""Stands in for Querybook's module of this name: the contract that a logger
plugin is written against, and what the base class does around it."""

from abc import ABC, abstractmethod

from const.event_log import EventType

LONGEST = 128  # characters of a value that an API event keeps


class BaseEventLogger(ABC):
    @property
    @abstractmethod
    def logger_name(self) -> str:
        raise NotImplementedError

    @abstractmethod
    def log(self, uid: int, event_type: EventType, event_data: dict, timestamp: int = None) -> None:
        raise NotImplementedError

    @property
    def _api_allow_list(self):
        return None

    @property
    def _api_deny_list(self):
        return [
            {"type": "prefix", "route": "/admin", "method": "*"},
            {"type": "exact", "route": "/login/", "method": "POST"},
            {"type": "exact", "route": "/signup/", "method": "POST"},
        ]

    def _should_log_api_request(self, route: str, method: str) -> bool:
        if self._api_allow_list is not None:
            return any(_matches(rule, route, method) for rule in self._api_allow_list)
        return not any(_matches(rule, route, method) for rule in self._api_deny_list)

    def log_api_request(self, uid: int, route: str, method: str, params: dict):
        if self._should_log_api_request(route, method):
            self.log(uid, EventType.API, {"method": method, "route": route, "params": _pruned(params)})

    def log_websocket_event(self, uid: int, route: str, args: tuple, kwargs: dict):
        self.log(uid, EventType.WEBSOCKET, {"route": route, "args": args, "kwargs": kwargs})


def _matches(rule: dict, route: str, method: str) -> bool:
    if rule["method"] not in ("*", method):
        return False
    return route.startswith(rule["route"]) if rule["type"] == "prefix" else route == rule["route"]


def _pruned(value):
    if isinstance(value, dict):
        return {k: _pruned(v) for k, v in value.items()}
    if isinstance(value, str) and len(value) > LONGEST:
        return value[:LONGEST] + "..."
    return value
