"""How much training each configuration gets: one file a method."""

from autorl.schedules.base import Ask, Assignment, Frame, Request, Requests, Schedule, Tell, Train
from autorl.schedules.bundled import build_schedule, bundled_schedules

__all__ = [
    "Ask",
    "Assignment",
    "Frame",
    "Request",
    "Requests",
    "Schedule",
    "Tell",
    "Train",
    "build_schedule",
    "bundled_schedules",
]
