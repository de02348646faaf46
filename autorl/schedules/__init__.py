"""How much training each configuration gets: one file a method."""

from autorl.schedules.base import Ask, Assignment, Frame, Request, Requests, Schedule, Tell, Train

__all__ = ["Ask", "Assignment", "Frame", "Request", "Requests", "Schedule", "Tell", "Train"]
