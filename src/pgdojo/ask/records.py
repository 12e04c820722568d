"""What comes back from a question; pages, the terminal and the JSON are drawn from these."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from pgdojo.course.records import Kind, PassageId, Standing

RefusalKind: TypeAlias = Literal["not_in_material", "out_of_scope", "unclear"]
"""Why a question is not answered: the material lacks it, it is about something else, or it cannot be understood."""

Role: TypeAlias = Literal["now", "then"]
"""What a sentence tells: how things are, or what the notes said before they were superseded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """The exact words that a sentence of an answer rests on."""

    n: int
    """Number shown in the answer, from 1."""
    passage_id: PassageId
    document: str
    """Path of the file below the course's folder."""
    title: str
    """The document's name for readers."""
    heading: tuple[str, ...]
    first_line: int
    last_line: int
    start: int
    """Where the quote begins in the passage's text, in characters."""
    quote: str
    """Byte for byte what stands in the file."""
    kind: Kind
    standing: Standing | None
    as_of: str
    source: str
    source_title: str

    @property
    def label(self) -> str:
        """Where the words stand, in the fewest words: `Backups > Point-in-time restore`."""
        return " > ".join(self.heading[-2:]) or self.title

    def as_json(self) -> dict[str, Any]:
        """The public shape of the command line and the API."""
        return {
            "n": self.n,
            "passage_id": self.passage_id,
            "document": self.document,
            "heading": " > ".join(self.heading),
            "lines": [self.first_line, self.last_line],
            "quote": self.quote,
            "source": self.source,
            "as_of": self.as_of,
            "standing": self.standing,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """One sentence of an answer: its words are its citations' words, without their Markdown marks."""

    text: str
    citations: tuple[int, ...]
    """Numbers of the citations it rests on, at least one."""
    role: Role = "now"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One subject of a comparison with what the material says of it."""

    subject: str
    cells: tuple[Sentence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A place in the material that lies near a question without answering it."""

    passage_id: PassageId
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Related:
    """A fact near the answer, with its standing today."""

    passage_id: PassageId
    subject: str
    standing: Standing
    as_of: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why there is no answer, and the way on."""

    kind: RefusalKind
    message: str
    """One or two sentences for the reader."""
    nearest: tuple[Heading, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A question with its cited answer, or with its refusal."""

    question: str
    """As it was typed."""
    standalone: str
    """What was searched for: the question with its subject taken from the turns before it and its slips mended."""
    lead: str = ""
    """`Yes.` or `No.` where the evidence decides the question, else empty."""
    sentences: tuple[Sentence, ...] = ()
    table: tuple[Row, ...] = ()
    """A comparison, one row a subject; then `sentences` holds only what the notes said."""
    citations: tuple[Citation, ...] = ()
    refusal: Refusal | None = None
    confidence: float = 0.0
    """Probability, 0 to 1, that the material answers the question, from the fitted gate."""
    related: tuple[Related, ...] = ()
    topics: tuple[str, ...] = ()
    next_questions: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the question was left unanswered."""
        return self.refusal is not None

    @property
    def rewritten(self) -> bool:
        """Whether what was searched for differs from what was typed."""
        return self.standalone.casefold() != self.question.strip().casefold()

    @property
    def text(self) -> str:
        """The whole answer in Markdown with `[n]` after each sentence; of a refusal, its message."""
        if self.refusal is not None:
            return self.refusal.message
        parts = [self.lead] if self.lead else []
        parts += [_marked(sentence) for sentence in self.sentences]
        prose = " ".join(parts)
        if not self.table:
            return prose
        header = "| " + " | ".join(row.subject for row in self.table) + " |"
        rule = "|" + " --- |" * len(self.table)
        cells = "| " + " | ".join(_cell(row) for row in self.table) + " |"
        return "\n".join([header, rule, cells, *(["", prose] if prose else [])])

    @property
    def words(self) -> int:
        """Words of the answer outside tables."""
        prose = [self.lead, *(sentence.text for sentence in self.sentences)]
        return sum(len(part.split()) for part in prose)

    def citation(self, n: int) -> Citation:
        """The citation with number `n`; raises KeyError where there is none."""
        for citation in self.citations:
            if citation.n == n:
                return citation
        raise KeyError(n)

    def as_json(self) -> dict[str, Any]:
        """The public shape of the command line and the API."""
        return {
            "question": self.question,
            "standalone": self.standalone,
            "answer": self.text,
            "refused": self.refused,
            "refusal_kind": self.refusal.kind if self.refusal else None,
            "confidence": round(self.confidence, 4),
            "citations": [citation.as_json() for citation in self.citations],
            "nearest": [heading.passage_id for heading in self.refusal.nearest] if self.refusal else [],
            "related": [
                {"passage_id": fact.passage_id, "standing": fact.standing, "as_of": fact.as_of} for fact in self.related
            ],
            "topics": list(self.topics),
            "next_questions": list(self.next_questions),
        }

    def to_plain(self) -> dict[str, Any]:
        """Plain data for the journal that `from_plain` turns back into an equal answer, also by way of JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Answer:
        """Read what `to_plain` wrote."""
        refusal = plain["refusal"]
        return cls(
            **{
                **plain,
                "sentences": tuple(map(_sentence, plain["sentences"])),
                "table": tuple(
                    Row(subject=row["subject"], cells=tuple(map(_sentence, row["cells"]))) for row in plain["table"]
                ),
                "citations": tuple(
                    Citation(**{**citation, "heading": tuple(citation["heading"])}) for citation in plain["citations"]
                ),
                "refusal": refusal
                and Refusal(**{**refusal, "nearest": tuple(Heading(**at) for at in refusal["nearest"])}),
                "related": tuple(Related(**fact) for fact in plain["related"]),
                "topics": tuple(plain["topics"]),
                "next_questions": tuple(plain["next_questions"]),
            }
        )


def _sentence(plain: dict[str, Any]) -> Sentence:
    return Sentence(**{**plain, "citations": tuple(plain["citations"])})


def _marked(sentence: Sentence) -> str:
    return sentence.text + " " + "".join(f"[{n}]" for n in sentence.citations)


def _cell(row: Row) -> str:
    return " ".join(_marked(sentence) for sentence in row.cells).replace("|", "\\|") or "The material does not say."
