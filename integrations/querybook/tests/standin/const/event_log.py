"""Stands in for Querybook's module of this name."""

from enum import Enum


class EventType(Enum):
    API = "API"
    WEBSOCKET = "WEBSOCKET"
    VIEW = "VIEW"
    CLICK = "CLICK"
