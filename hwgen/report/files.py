"""Reading and writing ``report.json``."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ValidationError

from hwgen.errors import InputError
from hwgen.report.schema import FORMAT, Report


def json_text(section: BaseModel) -> str:
    """Return a part of a report as indented JSON with a line end."""
    return section.model_dump_json(indent=2) + "\n"


def read_report(folder: Path) -> Report:
    """Return the report of a build; raise ``InputError`` where ``folder`` holds none."""
    path = folder / "report.json"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{folder} is not a build: it has no readable report.json; "
            f"`hwgen build --out {folder} ...` makes one"
        ) from None
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise InputError(
            f"{path}: {place or 'the file'}: {fault['msg']}; this hwgen reads format {FORMAT}, "
            f"build the design again"
        ) from None


def schema_text() -> str:
    """Return the JSON schema of ``report.json``."""
    return json.dumps(Report.model_json_schema(), indent=2) + "\n"
