"""Querybook loads this list; its values must be instances."""

from .firn_event_logger import FirnEventLogger

ALL_PLUGIN_EVENT_LOGGERS = [FirnEventLogger()]
