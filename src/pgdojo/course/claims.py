"""The figures and names in a text: what a statement must share with the words it rests on."""

from __future__ import annotations

import re

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"\b(?:[A-Z][\w-]*[A-Z]\w*|[A-Z]{2,}\w*|\w+[._]\w+(?:[._]\w+)*)\b")


def figures(text: str) -> list[str]:
    """The numbers in `text` as they are written, in order: `35`, `9.6`, `1,000`."""
    return _FIGURE.findall(text)


def names(text: str) -> list[str]:
    """Names that a machine or a vendor gave, in order: `RDS`, `DynamoDB`, `rds.force_ssl`."""
    return _NAME.findall(text)
