"""What a question asks for, read from its words alone."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from pgdojo.ask.lexicon import Lexicon
from pgdojo.course.records import Foreign, Term
from pgdojo.search.text import STOP_WORDS, fold, index_terms, stem, words

MAX_CHARACTERS = 4_000
"""Longer questions are sent back: nobody's question is that long, and a document pasted in is not one."""


@dataclass(frozen=True, slots=True)
class Want:
    """A kind of thing that can be asked for, and how a text looks that holds it."""

    name: str
    asked: re.Pattern[str]
    held: re.Pattern[str]


def _want(name: str, asked: str, held: str) -> Want:
    return Want(name, re.compile(asked, re.IGNORECASE), re.compile(held))


_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_NUMBER = r"(?:\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty)\b)"

WANTS = (
    _want(
        "price",
        r"\b(price|prices|pricing|costs?|fees?|charged?|charges|bill(ed|ing)?|expensive|cheap(er)?|pay|free)\b",
        r"USD|\b[Cc]osts?\b|[Pp]rice|\b[Bb]ill|[Cc]harge|\bfree\b|\bpaid\b|discount|\bpay\b|expensive",
    ),
    _want(
        "sum of money",
        r"\bhow much (does|do|is|are|would|will)\b.*\b(cost|charge)|\b(price|hourly rate|dollars?|usd|euros?)\b"
        r"|\b(costs?|prices?|rate) (of|for|per)\b|per (hour|month|gb|million)\b",
        r"USD|\d%|\bfree\b|no charge|without .{0,12}charge",
    ),
    _want("port", r"\bports?\b", r"\bports?\b"),
    _want(
        "date",
        r"\bwhen (did|was|were|is|are|will|does|do)\b|\b(what|which) (date|day|month|year)\b|\b(since|until|till) when\b"
        r"|\brelease(d)? (date|on|in)\b|\bdeadline\b|\bhow old\b|\bdates?\b|\blaunch(ed)?\b|\bend of (life|support)\b|\beol\b",
        rf"\b(19|20)\d\d\b|{_MONTH}",
    ),
    _want(
        "person",
        r"\bwho\b(?! (can|may|should|must))|\bwhose\b|\b(author|inventor|engineers?|founder|ceo|cto|team that|employee)\b",
        r"\b(author|inventor|founder|engineer)s?\b",
    ),
    _want(
        "duration",
        r"\bhow (long|quick(ly)?|fast|soon|often)\b|\bduration\b|\btime ?-?outs?\b|\blatency\b|\bseconds?\b|\bminutes?\b"
        r"|\bhours?\b|\bdays?\b|\binterval\b|\bfrequen(cy|t|tly)\b|\blag\b|\brto\b|\brpo\b|\blifetime\b|\bttl\b|\bdowntime\b",
        r"\b(milli)?seconds?\b|\bminutes?\b|\bhours?\b|\bdays?\b|\bmonths?\b|\byears?\b|\bms\b|quarterly|weekly|daily|\bweeks?\b",
    ),
    _want("count", r"\bhow many\b|\bnumber of\b|\bcount\b|\bquota\b", _NUMBER),
    _want(
        "size",
        r"\bhow (big|large|much (memory|storage|data|space|ram|disk))\b|\bsize\b|\b(gb|gib|tb|tib|mb|mib|kb)\b|\bmemory\b"
        r"|\bram\b|\biops\b|\bthroughput\b|\bvcpus?\b|\bbandwidth\b|\bcapacity\b",
        r"\d",
    ),
    _want(
        "limit",
        r"\b(max(imum|imal)?|min(imum|imal)?|limits?|cap|ceiling|largest|smallest|biggest|highest|lowest|at most|at least"
        r"|up to|longest|shortest)\b",
        rf"{_NUMBER}|\b(limit|maximum|minimum|never|no limit|at most|up to|cannot)\b",
    ),
    _want(
        "default",
        r"\bdefaults?\b|\bout of the box\b|\bautomatically\b|\bby itself\b",
        r"\bdefaults?\b|[Uu]nless|by itself|automatic|[Oo]ut of the box",
    ),
    _want(
        "version",
        r"\b(which|what) (minor |major |engine |postgres\w* )?versions?\b|\bsince version\b|\bversions?\b",
        r"\d",
    ),
    _want(
        "command",
        r"\bcommands?\b|\bcli\b|\bsyntax\b|\bapi (call|operation|action|name)\b|\bsdk\b|\bboto3?\b|\bscripts?\b|\bcode\b"
        r"|\bsnippet\b|\btemplates?\b|\bjson\b|\byaml\b|\bsql (statement|query|command)\b|\bquery\b|\bterraform\b|\bcloudformation\b",
        r"[a-z]+_[a-z_]+\(?|\b[A-Z][a-z]+[A-Z]\w+|--\w|\b(CREATE|ALTER|GRANT|UPDATE|DELETE|SELECT|DDL)\b|describe-|modify-|pg_",
    ),
    _want(
        "parameter",
        r"\bparameters?\b|\bsettings?\b|\bflags?\b|\bvariables?\b|\bguc\b|\bwhich option\b|\bknobs?\b",
        r"[a-z]+[._][a-z_.]+|parameter|\b[A-Z][a-z]+[A-Z]\w+|setting|\bset\b",
    ),
    _want(
        "metric",
        r"\bmetrics?\b|\balarms?\b|\bcounters?\b|\bgraphs?\b",
        r"metric|alarm|\b[A-Z][A-Za-z]+[A-Z]\w*|CloudWatch",
    ),
    _want(
        "event or error",
        r"\bevents?\b|\berrors?\b|\bsqlstate\b|\b(exit|status|error) codes?\b|\bmessages?\b|\bexception\b",
        r"EVENT|\berrors?\b|\bevents?\b|\bfail|\breject",
    ),
    _want(
        "permission",
        r"\bpermissions?\b|\bprivileges?\b|\bpolic(y|ies)\b|\biam (action|permission|policy|role)\b|\broles?\b",
        r"\broles?\b|privilege|permission|polic|rds_\w+|\bgrant|IAM",
    ),
    _want(
        "place in the world",
        r"\b(which|what|how many) regions?\b|\bregions? (is|are|where|support|available)\b|\bavailable in\b"
        r"|\b(govcloud|china|europe|frankfurt|ireland|london|tokyo|mumbai|sydney|ohio|oregon)\b|\b(us|eu|ap|sa)-\w+-\d\b",
        r"\b(us|eu|ap|sa)-\w+-\d\b|[Rr]egions? (where|that|such)|all Regions|most Regions",
    ),
    _want("share", r"\bpercent(age)?s?\b|%|\bproportion\b|\bratio\b|\bshare of\b", r"%|percent"),
    _want(
        "address",
        r"\bpath\b|\bfolder\b|\bdirectory\b|\bfile ?names?\b|\burls?\b|\bdownload\b|\bwhere (do|can) i (find|get|download)\b"
        r"|\bemail\b|\bphone\b|\bcontact\b",
        r"/|\.com|\bfile\b|bundle|log group",
    ),
    _want(
        "benchmark",
        r"\bbenchmarks?\b|\btps\b|\bqps\b|\btransactions per second\b|\bperformance (numbers|figures)\b|\bmeasured\b",
        r"\bup to \d|%|\dx\b|times",
    ),
    _want(
        "reason",
        r"^\W*why\b|\breason(s)?\b|\bwhat causes\b|\bbecause\b|\bhow come\b|\bwhy (is|does|do|did|are|can)\b",
        r"because|since|so that|which is|, so\b|reason|therefore|:|cause|caused|means|\bso\b",
    ),
    _want(
        "steps",
        r"\bsteps?\b|\bprocedure\b|\btutorial\b|\bguide\b|\bwalk me\b|\bhow (do|can|should|would|to)\b",
        r"\b(run|set|add|use|choose|create|copy|call|attach|turn|restore|reboot|point|download|join|list|name|switch|add|give|move|"
        r"[Pp]ut|keep|check|ask|take|build|start|subscribe|connect)\b",
    ),
    _want(
        "opinion",
        r"\b(best|better|worse|worth|prefer|favou?rite|recommend(ed|ation)?s?|should (i|we|you)|advis(e|able)|good idea)\b",
        r"recommend|advis|suggest|prefer|fits?|suits?|[Cc]hoose|[Pp]ick|[Cc]onsider|usual|instead|safer|belongs?|plan|must|should",
    ),
    _want(
        "history",
        r"\b(invent(ed|or)|history|origins?|originally|named? after|stand for|acronym|abbreviation|first version)\b",
        r"\b(19|20)\d\d\b|since|formerly|began|earlier",
    ),
    _want(
        "licence",
        r"\blicen[sc]es?\b|\bopen[- ]source(d)?\b|\bsource code\b|\bproprietary\b",
        r"licen[sc]e|open[- ]source|proprietary",
    ),
    _want(
        "future",
        r"\broadmap\b|\bplan(s|ned|ning)? to\b|\bwill (there|it|aws|amazon|rds|aurora)\b|\bfuture\b|\bupcoming\b|\bnext (year|version|release)\b",
        r"\bwill\b|expected|announce|later|planned|removal|ends?\b",
    ),
    _want(
        "customers",
        r"\b(which|what|how many) (companies|customers|users|people|employees|teams)\b|\bmarket share\b|\brevenue\b",
        r"customer|compan",
    ),
    _want(
        "inside",
        r"\binternal(ly|s)?\b|\bunder the hood\b|\balgorithms?\b|\bwritten in\b|\bimplement(ed|ation)\b|\bprotocols?\b|\bcipher\b",
        r"AES|protocol|TLS|SHA|Signature|replication|quorum|storage|copy-on-write",
    ),
    _want(
        "tool",
        r"\b(which|what) (tools?|software|librar(y|ies)|drivers?|clients?|programs?|extensions?)\b",
        r"driver|extension|tool|librar|client|pg_\w+|wrapper",
    ),
)

_YES_NO = re.compile(
    r"^\W*(so,? |and |but |hey,? |hi,? )?(is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|am)\b"
    r"(?! (i|we) (find|see|know) (out )?(how|what|which|where|when))",
    re.IGNORECASE,
)
_FOCUS = re.compile(r"\b(?:what|which|whose|how many|how much)\s+(?!is\b|are\b|was\b|were\b|do\b|does\b|did\b|about\b|if\b|happens?\b)"
                    r"((?:[\w.-]+\s+){0,3}?[\w.-]+)\s+(?:is|are|was|were|do|does|did|can|could|should|must|will|would|has|have|"
                    r"may|needs?|of|in|for|on|to|i|we|you|holds?|runs?|uses?|comes?|shows?|tells?|takes?|gets?|gives?)\b")  # fmt: skip
_NUMERAL = re.compile(r"\d")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A stand-alone question as understood."""

    text: str
    terms: tuple[Term, ...]
    foreign: tuple[Foreign, ...]
    typed: str = ""
    """What was typed in this turn, where the turns before it added to it; else empty."""

    @cached_property
    def own_stems(self) -> frozenset[str]:
        """Stems of the weighty words that a follow-up brings itself; empty where nothing was added to it."""
        return frozenset(stem(word) for word in words(self.typed) if word not in STOP_WORDS)

    @cached_property
    def words(self) -> list[str]:
        """All words, folded, in order."""
        return words(self.text)

    @cached_property
    def weighty(self) -> list[str]:
        """Words that carry the subject or what is asked of it, each once."""
        return list(dict.fromkeys(word for word in self.words if word not in STOP_WORDS))

    @cached_property
    def stems(self) -> list[str]:
        """Stems of the weighty words, in their order."""
        return [stem(word) for word in self.weighty]

    @cached_property
    def index_terms(self) -> list[str]:
        """What the word index is asked for: the question's words and those of the terms that it names."""
        found = index_terms(self.text)
        for term in self.terms:
            found.extend(extra for extra in index_terms(term.term) if extra not in found)
        return found

    @cached_property
    def wants(self) -> tuple[Want, ...]:
        """The kinds of thing that it asks for."""
        return tuple(want for want in WANTS if want.asked.search(self.text))

    @cached_property
    def numerals(self) -> list[str]:
        """Words that hold a figure: versions, sizes, instance classes."""
        return [word for word in self.weighty if _NUMERAL.search(word)]

    @cached_property
    def focus(self) -> list[str]:
        """The noun after `which` or `how many`: stems of what exactly is asked for."""
        match = _FOCUS.search(fold(self.text))
        return [stem(word) for word in words(match[1]) if word not in STOP_WORDS] if match else []

    @property
    def yes_no(self) -> bool:
        """Whether it can be answered by yes or no."""
        return bool(_YES_NO.match(self.text)) and " or " not in f" {self.text.lower()} "


_MARKUP = re.compile(r"<[/!]?[a-zA-Z][^<>]{0,500}>|<!--.*?-->")


def without_markup(text: str) -> str:
    """`text` without tags: what is searched for is what a reader would read."""
    return " ".join(_MARKUP.sub(" ", text).split()) or text


def clean(text: str) -> str:
    """`text` as one line of visible characters: control, format and surrogate characters fall away."""
    visible = (
        " " if character.isspace() or unicodedata.category(character)[0] == "C" else character for character in text
    )
    return " ".join("".join(visible).split())


def understand(text: str, lexicon: Lexicon, typed: str = "") -> Question:
    """Read the stand-alone question `text`, slips already mended, which was made of what was `typed`."""
    named = lexicon.names(text)
    return Question(text=text, terms=named.terms, foreign=named.foreign, typed="" if typed == text else typed)
