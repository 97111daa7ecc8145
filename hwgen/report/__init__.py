"""Results as JSON, HTML and terminal text; computes nothing."""

from hwgen.report.files import json_text, read_report, schema_text
from hwgen.report.page import page
from hwgen.report.schema import Report

__all__ = ["Report", "json_text", "page", "read_report", "schema_text"]
