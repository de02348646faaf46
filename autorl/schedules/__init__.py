"""How much training each configuration gets: one file a method."""

from autorl.schedules.base import Ask, Assignment, Await, Frame, Launch, Request, Requests, Schedule, Tell, Train
from autorl.schedules.bundled import build_schedule, bundled_schedules

__all__ = [
    "Ask",
    "Assignment",
    "Await",
    "Frame",
    "Launch",
    "Request",
    "Requests",
    "Schedule",
    "Tell",
    "Train",
    "build_schedule",
    "bundled_schedules",
]
