"""An invoice on A4, for those who pay it. The library that writes it is imported when one is written."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from keyhouse.control.billing_profiles import rate_text
from keyhouse.control.usage import dollars
from keyhouse.domain.billing import NANOS_PER_CENT, Invoice, InvoiceLine, Party, bounds_of
from keyhouse.domain.money import round_half_up

# DejaVu has Greek, Cyrillic and more; reportlab brings Vera, which has Latin letters only.
_DEJAVU = Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/dejavu"), Path("/usr/share/fonts/TTF")
_INK, _GREY, _RULE, _HEAD = "#1a1f2b", "#667085", "#d0d5dd", "#f2f4f7"
_MISSING = "?"
_LONGEST = 120


class _Fonts(NamedTuple):
    plain: str
    bold: str
    known: frozenset[int]


def render(invoice: Invoice) -> bytes:
    """The invoice as a PDF. The same invoice gives the same bytes wherever the same fonts are; a character that the font does
    not have is shown as a question mark."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=18 * mm, bottomMargin=22 * mm,
        title=f"Invoice {_number(invoice)}", author=_shown(invoice.profile.seller.name), invariant=1,
    )  # fmt: skip
    document.build(_story(invoice), canvasmaker=_numbered(f"Invoice {_number(invoice)}"))
    return out.getvalue()


@cache
def _fonts() -> _Fonts:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = next(
        (f for f in _DEJAVU if (f / "DejaVuSans.ttf").exists() and (f / "DejaVuSans-Bold.ttf").exists()), None
    )
    names = ("Vera.ttf", "VeraBd.ttf") if folder is None else ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
    plain, bold = (
        TTFont(f"Keyhouse{i}", name if folder is None else str(folder / name)) for i, name in enumerate(names)
    )
    pdfmetrics.registerFont(plain)
    pdfmetrics.registerFont(bold)
    return _Fonts(plain.fontName, bold.fontName, frozenset(plain.face.charToGlyph) & frozenset(bold.face.charToGlyph))


def _shown(text: str) -> str:
    known = _fonts().known
    return "".join(c if ord(c) in known else _MISSING for c in text)


def _text(text: str, *, size: float = 8.5, bold: bool = False, colour: str = _INK, right: bool = False) -> Any:
    from reportlab.lib.enums import TA_LEFT, TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    style = ParagraphStyle(
        "text", fontName=_fonts().bold if bold else _fonts().plain, fontSize=size, leading=size * 1.35, textColor=colour,
        alignment=TA_RIGHT if right else TA_LEFT, splitLongWords=1,
    )  # fmt: skip
    return Paragraph(escape(_shown(text)), style)


def _story(invoice: Invoice) -> list[Any]:
    from reportlab.platypus import KeepTogether, Spacer

    story = [_head(invoice), Spacer(1, 22), _parties(invoice), Spacer(1, 20), _lines(invoice), Spacer(1, 10)]
    notes = [_text(note, size=7.5, colour=_GREY) for note in _notes(invoice)]
    return [*story, KeepTogether([_totals(invoice), Spacer(1, 16), *notes])]


def _head(invoice: Invoice) -> Any:
    bounds = bounds_of(invoice.month)
    period = "" if bounds is None else f"{_day(bounds.start)} – {_day(bounds.end - 1)} (UTC)"
    facts = [("Period", period), ("Date", _day(invoice.created_at))]
    if invoice.sequence is not None:
        facts.insert(0, ("Number", _number(invoice)))
        facts.append(("Due", _day(invoice.created_at + invoice.profile.terms_days * 86_400)))
    rows = [[_text(name, colour=_GREY), _text(value, right=True)] for name, value in facts]
    title = [_text("Invoice" if invoice.sequence is not None else "Draft invoice", size=22, bold=True)]
    return _table([[title, _table(rows, (45, 205))]], (None, 250), valign="TOP")


def _parties(invoice: Invoice) -> Any:
    profile = invoice.profile
    blocks = [_party("From", profile.seller) if profile.seller.name else [], _party("Bill to", profile.buyer)]
    return _table([blocks if blocks[0] else blocks[::-1]], (None, None), valign="TOP")


def _party(head: str, party: Party) -> list[Any]:
    tax_id = [_text(f"Tax ID {_short(party.tax_id)}", colour=_GREY)] if party.tax_id else []
    name = _text(_short(party.name), size=9.5, bold=True)
    return [_text(head, size=7.5, colour=_GREY), name, *(_text(_short(line)) for line in party.address), *tax_id]


def _lines(invoice: Invoice) -> Any:
    heads = ("Project", "Model", "Unit", "Quantity", "USD per million", "Amount (USD)")
    rows = [[_text(head, size=7.5, bold=True, right=i > 2) for i, head in enumerate(heads)]]
    rows += [_cells(line, invoice.month) for line in invoice.lines]
    if not invoice.lines:
        rows.append([_text("Nothing was used."), *[""] * 5])
    widths = (102, 110, 82, 66, 58, 75)
    rules = [("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE), ("BACKGROUND", (0, 0), (-1, 0), _HEAD)]
    return _table(rows, widths, padding=4, repeat=1, style=rules)


def _cells(line: InvoiceLine, month: str) -> list[Any]:
    late = f" (late usage of {line.key.month})" if line.key.month != month else ""
    price = "various" if line.unit_price_nanos is None else dollars(line.unit_price_nanos)
    unpriced = line.amount_nanos is None
    figures = [
        f"{line.quantity:,}",
        "–" if unpriced else price,
        "unpriced" if unpriced else _exact(line.amount_nanos or 0),
    ]
    words = (line.project_name or "–", (line.key.model or "–") + late, line.key.unit.value)
    return [*(_text(word, size=7.5) for word in words), *(_text(figure, size=7.5, right=True) for figure in figures)]


def _totals(invoice: Invoice) -> Any:
    profile = invoice.profile
    rows = [("Usage, exactly", f"${_exact(invoice.subtotal_nanos)}")]
    if invoice.credit_nanos:
        rows.append(("Paid by prepaid credit", f"−${_exact(invoice.credit_nanos)}"))
    net = round_half_up(invoice.subtotal_nanos - invoice.credit_nanos, NANOS_PER_CENT)
    rows.append(("Usage to pay, rounded to cents", f"${_cents(net)}"))
    rows.append((f"{profile.tax_name} {rate_text(profile.tax_parts)} % on usage", f"${_cents(invoice.tax_cents)}"))
    cells = [["", _text(name), _text(amount, right=True)] for name, amount in rows]
    due = f"${_cents(invoice.due_cents)} USD"
    cells.append(["", _text("Amount due", size=11, bold=True), _text(due, size=11, bold=True, right=True)])
    rules = [("LINEABOVE", (1, -1), (-1, -1), 1, _INK)]
    return _table(cells, (None, 165, 135), padding=3, style=rules)


def _notes(invoice: Invoice) -> list[str]:
    notes = [invoice.profile.note] if invoice.profile.note else []
    notes.append(
        "Amounts are the sums of what every call cost, to the nano-dollar; what is to be paid is rounded half up."
    )
    if any(line.unit_price_nanos is None and line.amount_nanos is not None for line in invoice.lines):
        notes.append("Various: more than one price made the amount.")
    if any(line.amount_nanos is None for line in invoice.lines):
        notes.append("Unpriced: the models had no price when they were called; their usage is in no amount.")
    return notes


def _table(
    rows: Sequence[Sequence[Any]], widths: Sequence[int | None], *, padding: int = 1, repeat: int = 0,
    valign: str = "MIDDLE", style: Sequence[tuple[Any, ...]] = (),
) -> Any:  # fmt: skip
    from reportlab.platypus import Table

    left = 493 - sum(width or 0 for width in widths)
    open_ = sum(width is None for width in widths)
    every = [(name, (0, 0), (-1, -1), padding) for name in ("TOPPADDING", "BOTTOMPADDING")]
    sides = [(name, (0, 0), (-1, -1), 4 if repeat else 0) for name in ("LEFTPADDING", "RIGHTPADDING")]
    full = [left / open_ if width is None else width for width in widths]
    placed = [*every, *sides, ("VALIGN", (0, 0), (-1, -1), valign), *style]
    return Table(rows, colWidths=full, repeatRows=repeat, style=placed, hAlign="LEFT")


def _numbered(title: str) -> type:
    """A canvas that holds its pages back until it knows how many there are."""
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._held: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self._held.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._held, 1):
                self.__dict__.update(page)
                self.setFont(_fonts().plain, 7)
                self.setFillColor(_GREY)
                self.drawString(57, 36, title)
                self.drawRightString(539, 36, f"Page {number} of {len(self._held)}")
                super().showPage()
            super().save()

    return Numbered


def _number(invoice: Invoice) -> str:
    return invoice.number or f"draft {invoice.month}"


def _exact(nanos: int) -> str:
    """US dollars with all their digits, two decimal places at least."""
    whole, _, part = dollars(nanos).partition(".")
    return f"{int(whole):,}.{part:0<2}"


def _cents(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def _short(text: str) -> str:
    """What fits beside the other lines of a party."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%-d %B %Y")
