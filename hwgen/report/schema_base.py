"""What all parts of a report have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of a report: immutable, and strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
