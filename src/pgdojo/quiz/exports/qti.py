"""Writes QTI 2.1: a file for each item and a manifest, in one ZIP.

Source: IMS Question and Test Interoperability 2.1, https://www.imsglobal.org/question/qtiv2p1/imsqti_infov2p1.html.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from pgdojo.course.items import (
    Item,
    Matching,
    Multiple,
    Numeric,
    Option,
    Ordering,
    Scenario,
    ShortText,
    Single,
    TrueFalse,
)
from pgdojo.quiz.exports import markup
from pgdojo.quiz.exports.records import EVERY_ITEM, Loss, Selection, Written, number

_NS = "http://www.imsglobal.org/xsd/imsqti_v2p1"
_CP = "http://www.imsglobal.org/xsd/imscp_v1p1"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP can hold; the same items always make the same file."""
_GENERAL = "general"
"""The feedback that everybody sees."""


def write(selection: Selection) -> Written:
    """The items as a QTI package."""
    files: dict[str, ET.Element] = {}
    for item in selection.items:
        for part in _parts(item):
            files[f"items/{part.name}.xml"] = _xml(part, _sources(item, selection))
    losses = [Loss(item=EVERY_ITEM, what="level, difficulty, objective, scope and review date", how="left out")]
    losses += [loss for item in selection.items for loss in _losses(item)]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, root in {"imsmanifest.xml": _manifest(selection.title, files), **files}.items():
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _serialised(root))
    return Written(content=content.getvalue(), items=len(selection.items), losses=tuple(losses))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One assessment item: its declarations, its body, and how it is marked."""

    name: str
    stem: str
    declarations: tuple[ET.Element, ...]
    interactions: tuple[ET.Element, ...]
    marking: tuple[ET.Element, ...]
    feedback: dict[str, str] = field(default_factory=dict)
    """Markdown by the identifier under which it is shown."""
    general: str = ""
    """Markdown that everybody sees besides the sources."""


def _make(tag: str, *children: ET.Element, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.Element(tag, attributes)
    element.text = text
    element.extend(children)
    return element


def _html(tag: str, content: str) -> ET.Element:
    """An element around HTML that is also XML."""
    element = ET.fromstring(f"<{tag}>{content}</{tag}>")  # noqa: S314  # it is our own renderer's, without entities
    for inner in element.iter():
        # Of HTML's attributes, QTI has neither the first number of a list nor the title of a link.
        inner.attrib = {name: value for name, value in inner.attrib.items() if name not in {"start", "title"}}
    return element


def _serialised(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _xml(part: _Part, sources: str) -> ET.Element:
    feedback = _make("outcomeDeclaration", identifier="FEEDBACK", cardinality="multiple", baseType="identifier")
    score = _make(
        "outcomeDeclaration",
        _make("defaultValue", _make("value", text="0")),
        identifier="SCORE",
        cardinality="single",
        baseType="float",
    )
    shown = [_modal(name, markup.block(text)) for name, text in part.feedback.items()]
    general = _modal(_GENERAL, markup.block(part.general) + sources)
    item = _make(
        "assessmentItem",
        *part.declarations,
        score,
        feedback,
        _make("itemBody", _html("div", markup.block(part.stem)), *part.interactions),
        _make("responseProcessing", *part.marking),
        *shown,
        *([general] if part.general or sources else []),
        identifier=f"pgdojo-{part.name}",
        title=part.name,
        adaptive="false",
        timeDependent="false",
    )
    item.attrib = {
        "xmlns": _NS,
        "xmlns:xsi": _XSI,
        "xsi:schemaLocation": f"{_NS} http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd",
    } | item.attrib
    return item


def _modal(name: str, content: str) -> ET.Element:
    modal = _html("modalFeedback", content)
    modal.attrib = {"outcomeIdentifier": "FEEDBACK", "identifier": name, "showHide": "show"}
    return modal


def _manifest(title: str, files: Iterable[str]) -> ET.Element:
    resources = (
        _make("resource", _make("file", href=name), identifier=f"res-{place}", type="imsqti_item_xmlv2p1", href=name)
        for place, name in enumerate(files, 1)
    )
    root = _make(
        "manifest",
        _make("metadata", _make("schema", text="QTIv2.1 Package"), _make("schemaversion", text="1.0.0")),
        _make("organizations"),
        _make("resources", *resources),
        identifier="pgdojo-package",
    )
    root.attrib = {"xmlns": _CP} | root.attrib
    root.insert(0, ET.Comment(f" {markup.xml_comment(title)} "))
    return root


def _sources(item: Item, selection: Selection) -> str:
    return "".join(f"<p>Source: {markup.source(source)}</p>" for source in selection.sources(item))


def _parts(item: Item) -> Iterator[_Part]:
    match item:
        case Single():
            yield _single(item.id, item.stem, item.options, shuffle=item.shuffle)
        case Multiple():
            yield _multiple(item)
        case TrueFalse():
            yield _true_false(item)
        case Ordering():
            yield _ordering(item)
        case Numeric():
            yield _numeric(item)
        case ShortText():
            yield _short_text(item)
        case Matching():
            yield _matching(item)
        case Scenario():
            for turn in item.turns:
                told = [choice.model_copy(update={"why": f"{choice.why}\n\n{choice.then}"}) for choice in turn.choices]
                yield _single(f"{item.id}-{turn.id}", f"{item.stem}\n\n{turn.ask}", told, shuffle=True)


def _declared(
    keys: Iterable[str], *, cardinality: str, base: str, mapping: ET.Element | None = None, name: str = "RESPONSE"
) -> ET.Element:
    key = _make("correctResponse", *(_make("value", text=key) for key in keys))
    children = [key] if mapping is None else [key, mapping]
    return _make("responseDeclaration", *children, identifier=name, cardinality=cardinality, baseType=base)


def _choices(name: str, shown: Iterable[tuple[str, str]], *, most: int, shuffle: bool, ask: str = "") -> ET.Element:
    """A list to pick from; `most` is 0 where there is no limit."""
    prompt = [_html("prompt", markup.inline(ask))] if ask else []
    choices = []
    for identifier, text in shown:
        choice = _html("simpleChoice", markup.inline(text))
        choice.set("identifier", identifier)
        choices.append(choice)
    return _make(
        "choiceInteraction",
        *prompt,
        *choices,
        responseIdentifier=name,
        shuffle=str(shuffle).lower(),
        maxChoices=str(most),
    )


def _number(value: float) -> ET.Element:
    return _make("baseValue", text=number(value), baseType="float")


def _variable(name: str) -> ET.Element:
    return _make("variable", identifier=name)


def _set(name: str, value: ET.Element) -> ET.Element:
    return _make("setOutcomeValue", value, identifier=name)


def _show(*more: ET.Element) -> ET.Element:
    """The general feedback, and what else `more` names."""
    return _set("FEEDBACK", _make("multiple", _make("baseValue", text=_GENERAL, baseType="identifier"), *more))


def _named(name: str) -> ET.Element:
    return _make("baseValue", text=name, baseType="identifier")


def _is_key(name: str = "RESPONSE") -> ET.Element:
    return _make("match", _variable(name), _make("correct", identifier=name))


def _if(condition: ET.Element, *then: ET.Element) -> ET.Element:
    return _make("responseCondition", _make("responseIf", condition, *then))


def _share(count: int) -> ET.Element:
    """The sum of what the mapping gives, as a share of `count`; a mapping of shares would not add up to one."""
    return _set("SCORE", _make("divide", _make("mapResponse", identifier="RESPONSE"), _number(max(1, count))))


def _single(name: str, stem: str, options: Sequence[Option], *, shuffle: bool) -> _Part:
    keys = [_option_id(option) for option in options if option.correct]
    shown = [(_option_id(option), option.text) for option in options]
    return _Part(
        name=name,
        stem=stem,
        declarations=(_declared(keys, cardinality="single", base="identifier"),),
        interactions=(_choices("RESPONSE", shown, most=1, shuffle=shuffle),),
        marking=(_if(_is_key(), _set("SCORE", _number(1))), _show(_variable("RESPONSE"))),
        feedback={_option_id(option): option.why for option in options},
    )


def _option_id(option: Option) -> str:
    # An identifier must begin with a letter, and must not be taken for the general one.
    return f"o-{option.id}"


def _mapping(points: Iterable[tuple[str, int]], **attributes: str) -> ET.Element:
    entries = (_make("mapEntry", mapKey=key, mappedValue=str(point), **attributes) for key, point in points)
    return _make("mapping", *entries, lowerBound="0", defaultValue="0")


def _multiple(item: Multiple) -> _Part:
    keys = [_option_id(option) for option in item.options if option.correct]
    mapping = _mapping((_option_id(option), 1 if option.correct else -1) for option in item.options)
    shown = [(_option_id(option), option.text) for option in item.options]
    return _Part(
        name=item.id,
        stem=item.stem,
        declarations=(_declared(keys, cardinality="multiple", base="identifier", mapping=mapping),),
        interactions=(_choices("RESPONSE", shown, most=0, shuffle=item.shuffle),),
        marking=(_share(len(keys)), _show(_variable("RESPONSE"))),
        feedback={_option_id(option): option.why for option in item.options},
    )


def _true_false(item: TrueFalse) -> _Part:
    """Both halves in one: the verdict, and the reason that counts with a right verdict alone."""
    options = item.reason.options
    keys = [_option_id(option) for option in options if option.correct]
    shown = [(_option_id(option), option.text) for option in options]
    half = _set("SCORE", _number(0.5))
    whole = _set("SCORE", _number(1))
    return _Part(
        name=item.id,
        stem=item.stem,
        declarations=(
            _declared([f"v-{str(item.answer).lower()}"], cardinality="single", base="identifier"),
            _declared(keys, cardinality="single", base="identifier", name="REASON"),
        ),
        interactions=(
            _choices("RESPONSE", [("v-true", "True"), ("v-false", "False")], most=1, shuffle=False),
            _choices("REASON", shown, most=1, shuffle=True, ask=item.reason.ask),
        ),
        marking=(
            _if(_is_key(), half, _if(_is_key("REASON"), whole)),
            _show(_variable("RESPONSE"), _variable("REASON")),
        ),
        feedback={"v-true": item.why_true, "v-false": item.why_false}
        | {_option_id(option): option.why for option in options},
    )


def _ordering(item: Ordering) -> _Part:
    choices = []
    # A player that does not shuffle must not show the key.
    for step in sorted(item.steps, key=lambda step: step.text):
        choice = _html("simpleChoice", markup.inline(step.text))
        choice.set("identifier", f"s-{step.id}")
        choices.append(choice)
    keys = [f"s-{step.id}" for step in item.steps]
    whys = "\n".join(f"{place}. {step.why}" for place, step in enumerate(item.steps, 1))
    return _Part(
        name=item.id,
        stem=item.stem,
        declarations=(_declared(keys, cardinality="ordered", base="identifier"),),
        interactions=(_make("orderInteraction", *choices, responseIdentifier="RESPONSE", shuffle="true"),),
        marking=(_if(_is_key(), _set("SCORE", _number(1))), _show()),
        general=f"{item.why}\n\n{whys}",
    )


def _entry(behind: str = "") -> ET.Element:
    """A box to type into, with what stands behind it on the line."""
    box = _make("textEntryInteraction", responseIdentifier="RESPONSE", expectedLength="20")
    box.tail = f" {behind}" if behind else None
    return _make("p", box)


def _numeric(item: Numeric) -> _Part:
    branches = [_make("responseIf", _near(item.answer.value, item), _set("SCORE", _number(1)), _show())]
    for place, wrong in enumerate(item.wrong_values, 1):
        branches.append(_make("responseElseIf", _near(wrong.value, item), _show(_named(f"w-{place}"))))
    branches.append(_make("responseElse", _show()))
    return _Part(
        name=item.id,
        stem=item.stem,
        declarations=(_declared([number(item.answer.value)], cardinality="single", base="float"),),
        interactions=(_entry(item.answer.unit),),
        marking=(_make("responseCondition", *branches),),
        feedback={f"w-{place}": wrong.why for place, wrong in enumerate(item.wrong_values, 1)},
        general=item.why,
    )


def _near(value: float, item: Numeric) -> ET.Element:
    """Whether the response is as far from `value` as the tolerance allows, or nearer."""
    tolerance = number(item.answer.tolerance)
    mode = {"toleranceMode": "absolute", "tolerance": f"{tolerance} {tolerance}"}
    mode = mode if item.answer.tolerance else {"toleranceMode": "exact"}
    return _make("equal", _variable("RESPONSE"), _number(value), **mode)


def _short_text(item: ShortText) -> _Part:
    rights = [_typed(text) for text in item.accept]
    condition = rights[0] if len(rights) == 1 else _make("or", *rights)
    branches = [_make("responseIf", condition, _set("SCORE", _number(1)), _show())]
    for place, miss in enumerate(item.near, 1):
        branches.append(_make("responseElseIf", _typed(miss.text), _show(_named(f"w-{place}"))))
    branches.append(_make("responseElse", _show()))
    mapping = _mapping(((markup.xml_text(text), 1) for text in item.accept), caseSensitive="false")
    return _Part(
        name=item.id,
        stem=item.stem,
        declarations=(
            _declared([markup.xml_text(item.accept[0])], cardinality="single", base="string", mapping=mapping),
        ),
        interactions=(_entry(),),
        marking=(_make("responseCondition", *branches),),
        feedback={f"w-{place}": miss.why for place, miss in enumerate(item.near, 1)},
        general=item.why,
    )


def _typed(text: str) -> ET.Element:
    value = _make("baseValue", text=markup.xml_text(text), baseType="string")
    return _make("stringMatch", _variable("RESPONSE"), value, caseSensitive="false")


def _matching(item: Matching) -> _Part:
    keys = [f"l-{place} r-{place}" for place in range(1, len(item.pairs) + 1)]
    lefts = [(f"l-{place}", pair.left) for place, pair in enumerate(item.pairs, 1)]
    # By their words, since a player that does not shuffle must not show the pairs side by side.
    rights = sorted(((f"r-{place}", right) for place, right in enumerate(item.rights, 1)), key=lambda row: row[1])
    interaction = _make(
        "matchInteraction",
        _associable(lefts, most="1"),
        _associable(rights, most="0"),
        responseIdentifier="RESPONSE",
        shuffle="true",
        maxAssociations=str(len(keys)),
    )
    whys = [f"- {pair.left}: {pair.why}" for pair in item.pairs]
    whys += [f"- {extra.text}: {extra.why}" for extra in item.extra]
    mapping = _mapping((key, 1) for key in keys)
    return _Part(
        name=item.id,
        stem=item.stem,
        declarations=(_declared(keys, cardinality="multiple", base="directedPair", mapping=mapping),),
        interactions=(interaction,),
        marking=(_share(len(keys)), _show()),
        general="\n".join(whys),
    )


def _associable(rows: Iterable[tuple[str, str]], *, most: str) -> ET.Element:
    choices = []
    for identifier, text in rows:
        choice = _html("simpleAssociableChoice", markup.inline(text))
        choice.attrib = {"identifier": identifier, "matchMax": most}
        choices.append(choice)
    return _make("simpleMatchSet", *choices)


def _losses(item: Item) -> Iterator[Loss]:
    if item.hint:
        yield Loss(item=item.id, what="hint", how="left out")
    if any(option.misconception for group in item.option_groups() for option in group):
        yield Loss(item=item.id, what="misconceptions behind options", how="left out; each why stays")
    for what, how in _losses_of_kind(item):
        yield Loss(item=item.id, what=what, how=how)


def _losses_of_kind(item: Item) -> Sequence[tuple[str, str]]:
    match item:
        case TrueFalse():
            return [("verdict and reason", "two interactions in one item, which some players do not show")]
        case Ordering():
            return [
                ("marks for a part of the order", "the whole order or nothing"),
                ("why of each step", "listed in the general feedback"),
            ]
        case Numeric():
            return [("conversion of units", f"the number is read in {item.answer.unit}, which stands behind the box")]
        case ShortText():
            return [("spacing and quotes of answers", "compared as they are typed, but for capitals")]
        case Matching():
            return [("why of each pair", "listed in the general feedback")]
        case Scenario():
            return [("way through the turns", "each turn is an item of its own; minutes and endings are left out")]
        case _:
            return []
