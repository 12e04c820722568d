"""The certificate as one page of A4 that carries its badge, and is signed as a whole.

The signature stands behind the end of the PDF, in a comment that readers of PDF skip.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont
from pypdf import PdfReader

from pgdojo.errors import UsageError
from pgdojo.path.certificate import ATTACHED, Summary
from pgdojo.path.signing import Signer

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what is odd in a file is said by its verdict

_SIGNED = b"pgdojo certificate page, version 1\n"
"""What is signed begins so, that no signature over something else can be passed off as one over a page."""
_TRAILER = re.compile(rb"\n%pgdojo-page-signature (z[1-9A-Za-z]{60,100})\n\Z")
_TITLE = re.compile(rb"<title>.*?</title>")

_INK, _GREY, _BLUE, _LINE, _RED = (31, 42, 51), (92, 102, 112), (51, 103, 145), (222, 217, 206), (169, 72, 63)
_LEFT, _WIDE = 24.0, 162.0
_LONGEST = 90
"""Characters of a name that the page has room for; the badge has all."""
_BOTTOM = 232.0
"""Where what is proven begins, in mm from the upper edge."""
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def draw(badge: Mapping[str, Any], signer: Signer) -> bytes:
    """The page of a certificate, as PDF.

    Raises:
        UsageError: The badge was signed with another key, so that the page could not be signed for its issuer.
    """
    summary = Summary.of(badge)
    if summary.issuer != signer.did:
        raise UsageError(
            "The key that this certificate was signed with is not the one of this machine.",
            next_step="The badge is still whole. For the page, let the operator bring the key back.",
        )
    page = bytes(_Page(badge, summary).output())
    return page + f"\n%pgdojo-page-signature {signer.sign(_SIGNED + page)}\n".encode()


def signed_page(raw: bytes) -> tuple[bytes, str]:
    """What of a PDF is signed, and its signature, which is empty where there is none."""
    found = _TRAILER.search(raw[-200:])
    if found is None:
        return raw, ""
    return _SIGNED + raw[: len(raw) - len(found.group())], found.group(1).decode()


def attached(raw: bytes) -> bytes:
    """The badge that a PDF carries.

    Raises:
        UsageError: It carries none.
    """
    try:
        found = PdfReader(io.BytesIO(raw)).attachments.get(ATTACHED)
    except Exception as cause:  # the library raises whatever a damaged file leads it to
        raise UsageError("This PDF cannot be read.", next_step="Give it as it was downloaded.") from cause
    if not found:
        raise UsageError("This PDF carries no certificate.", next_step="Give it as it was downloaded.")
    return found[0]


class _Page(FPDF):
    """One page of A4."""

    def __init__(self, badge: Mapping[str, Any], summary: Summary) -> None:
        """Draw `badge`."""
        super().__init__(format="A4")
        self._badge, self._summary = badge, summary
        self._prepare()
        self.add_page()
        self._head()
        self._holder()
        self._modules()
        self._proof()
        if summary.demo:
            self._demo()

    def _prepare(self) -> None:
        for family, package, file in (
            ("serif", "font_source_serif_pro", "SourceSerifPro-Regular.ttf"),
            ("serif-bold", "font_source_serif_pro", "SourceSerifPro-Semibold.ttf"),
            ("sans", "font_source_sans_pro", "SourceSansPro-Regular.ttf"),
            ("sans-bold", "font_source_sans_pro", "SourceSansPro-Semibold.ttf"),
        ):
            self.add_font(family, fname=Path(str(files(package) / "files" / file)))
        self.set_auto_page_break(auto=False)
        self.set_margins(_LEFT, 20)
        self.c_margin = 0
        self.set_lang("en")
        self.set_title(f"Certificate: {self._badge['name']}")
        self.set_author("pgdojo")
        self.set_producer("pgdojo")
        self.set_creation_date(datetime.fromisoformat(self._badge["validFrom"]).astimezone(UTC))
        self.embed_file(
            bytes=json.dumps(self._badge, ensure_ascii=False, indent=1).encode(),
            basename=ATTACHED,
            desc="The signed certificate, an Open Badge 3.0",
            mime_type="application/json",
            associated_file_relationship="SOURCE",
            compress=True,
        )

    def _write(self, text: str, font: str, size: float, ink: tuple[int, int, int] = _INK, high: float = 0.5) -> None:
        """One block of text at the left edge, `high` times its size in mm for each line."""
        self.set_font(font, size=size)
        self.set_text_color(*ink)
        self.multi_cell(_WIDE, size * high, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _head(self) -> None:
        self.set_fill_color(*_BLUE)
        self.rect(0, 0, 6, 297, style="F")
        # Its title is for browsers; the library would log that it does not draw it.
        logo = _TITLE.sub(b"", (files("pgdojo") / "web" / "assets" / "logo.svg").read_bytes())
        self.image(io.BytesIO(logo), x=_LEFT, y=20, h=10)
        self.set_xy(_LEFT, 52)
        self.set_char_spacing(1.6)
        self._write("CERTIFICATE OF COMPLETION", "sans-bold", 10.5, _BLUE)
        self.set_char_spacing(0)

    def _holder(self) -> None:
        summary = self._summary
        self.ln(3)
        name = self._drawable(summary.name, "The holder named in the attached badge")[:_LONGEST]
        self._write(name, "serif-bold", self._fitting(name), high=0.42)
        self.ln(5)
        self._write("has completed every module of", "sans", 12, _GREY)
        self.ln(1.5)
        self._write(self._drawable(summary.course, "the path named in the attached badge"), "serif", 19, high=0.42)
        self.ln(1.5)
        day = f"{summary.issued.day} {_MONTHS[summary.issued.month - 1]} {summary.issued.year}"
        self._write(f"Track: {self._drawable(summary.track, 'see the badge')}   ·   {day}", "sans", 12, _GREY)

    def _fitting(self, name: str) -> float:
        """The size of type, in points, with which a name stands in one line, or in two where it is very long."""
        self.set_font("serif-bold", size=34)
        return max(18.0, min(34.0, 34 * (_WIDE - 4) / max(self.get_string_width(name), 1)))

    def _drawable(self, text: str, instead: str) -> str:
        """`text`, or what to say `instead` if the type has not all of its letters."""
        font = self.fonts["serif-bold"]
        assert isinstance(font, TTFFont), "added from a file"  # noqa: S101 - narrows the type
        return text if all(ord(letter) in font.cmap for letter in text) else instead

    def _modules(self) -> None:
        evidence = self._badge["evidence"]
        self.set_y(max(self.get_y() + 9, 118))
        room = _BOTTOM - 8 - self.get_y() - 7
        high = min(8.0, room / len(evidence))
        widths = (90.0, 30.0, 21.0, 21.0)
        self._row(("Module", "Mastered", "Labs", "Signed off"), widths, 7, "sans-bold", _GREY, 8.5)
        size = min(10.5, high * 1.8)
        for one in evidence:
            self.set_draw_color(*_LINE)
            self.set_line_width(0.2)
            self.line(_LEFT, self.get_y(), _LEFT + _WIDE, self.get_y())
            record = one["record"]
            told = (
                self._drawable(one["name"], record["module"]),
                f"{record['mastered']} of {len(record['objectives'])}" if record["objectives"] else "–",
                str(len(record["labs"]) or "–"),
                str(len(record["signOffs"]) or "–"),
            )
            self._row(told, widths, high, "sans", _INK, size)
        self.line(_LEFT, self.get_y(), _LEFT + _WIDE, self.get_y())

    def _row(
        self,
        cells: tuple[str, ...],
        widths: tuple[float, ...],
        high: float,
        font: str,
        ink: tuple[int, int, int],
        size: float,
    ) -> None:
        self.set_x(_LEFT)
        self.set_font(font, size=size)
        self.set_text_color(*ink)
        for number, (text, wide) in enumerate(zip(cells, widths, strict=True)):
            self.cell(wide, high, self._cut(text, wide - 2), align="R" if number else "L")
        self.ln(high)

    def _cut(self, text: str, wide: float) -> str:
        while text and self.get_string_width(text) > wide:
            text = f"{text.rstrip('…')[:-1].rstrip()}…"
        return text

    def _proof(self) -> None:
        summary, badge = self._summary, self._badge
        self.set_xy(_LEFT, _BOTTOM)
        self._write("How to verify this certificate", "serif-bold", 11.5)
        self.ln(1)
        self._write(
            f"This file carries the signed badge ({ATTACHED}) with the evidence for each module. The command below "
            "finds any byte that was changed. Take the key from the issuer, not from this page.",
            "sans",
            9,
            _GREY,
            0.48,
        )
        self.ln(1.5)
        self._write("pgdojo verify FILE --key KEY", "sans-bold", 9, _BLUE, 0.48)
        self.ln(2.5)
        told = "as the holder gave it" if summary.name_from == "learner" else f"as {summary.name_from} told it"
        for name, value in (
            ("Signed with", summary.issuer),
            ("Number", summary.id.removeprefix("urn:uuid:")),
            ("Evidence, SHA-256", badge["evidenceHash"]),
            ("Issued", badge["validFrom"]),
            ("Name", self._cut(told, _WIDE - 34)),
        ):
            self._fact(name, value)

    def _fact(self, name: str, value: str) -> None:
        self.set_x(_LEFT)
        self.set_text_color(*_GREY)
        self.set_font("sans", size=8.5)
        self.cell(32, 4.6, name)
        self.set_text_color(*_INK)
        self.cell(_WIDE - 32, 4.6, value)
        self.ln(4.6)

    def _demo(self) -> None:
        self.set_text_color(*_RED)
        self.set_font("sans-bold", size=11)
        self.set_xy(_LEFT, 22)
        self.cell(_WIDE, 6, "DEMO · this learner is made up", align="R")
        with self.local_context(fill_opacity=0.1, text_color=_RED), self.rotation(52, x=105, y=150):
            self.set_font("sans-bold", size=150)
            self.text(105 - self.get_string_width("DEMO") / 2, 165, "DEMO")
