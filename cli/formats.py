"""Formats in which an answer can be written."""

from enum import StrEnum


class Format(StrEnum):
    """How the rows of an answer become text or bytes."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    parquet = "parquet"


class Page(StrEnum):
    """How a page of words and numbers is written."""

    text = "text"
    json = "json"
