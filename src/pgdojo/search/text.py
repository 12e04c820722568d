"""Words as the word index and the understanding of questions see them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer

_WORD = re.compile(r"[^\W_]+(?:[._][^\W_]+)*")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)*)([^\W\d_]+)")
_POSSESSIVE = re.compile(r"(?<=[^\W_])'s\b")
_ENGLISH = Stemmer.Stemmer("english")

STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between
    both but by can cannot could did do does doing don down during each else ever few for from further get gets
    give go goes got had has have having he hello help her here hey hi his how i if in into is it its itself
    just kindly know let like me mean means might mine more most much must my myself need needs no nor not now
    of off on once one only or other our ours out over own per please possible really same shall she should show
    so some such tell than thank thanks that the their theirs them then there these they this those through to
    too under until up upon us use used using very via want wants was we were what when where whether which
    while who whom whose why will with without would yes yet you your yours actually basically currently exactly
    ok okay quick question wondering anyone someone something anything happen happens""".split()
)
"""Words that carry no subject: they count neither for nor against an answer."""


def fold(text: str) -> str:
    """`text` in lower case, compatible characters unified, typographic quotes and dashes made plain."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return plain.translate(_PLAIN)


_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "−": "-"})


def words(text: str) -> list[str]:
    """Words of `text`, folded: `64TiB` gives `64` and `tib`, `rds.force_ssl` stays whole, `Multi-AZ` gives two."""
    found: list[str] = []
    for match in _WORD.finditer(_POSSESSIVE.sub("", fold(text))):
        amount = _AMOUNT.fullmatch(match.group())
        found.extend(amount.groups() if amount else [match.group()])
    return found


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The stem of a word; numbers and identifiers are their own."""
    return word if not word.isalpha() else str(_ENGLISH.stemWord(word))


def index_terms(text: str) -> list[str]:
    """What the word index stores of a text: stems, and of an identifier with dots its parts beside the whole."""
    terms: list[str] = []
    for word in words(text):
        if word in STOP_WORDS:
            continue
        terms.append(stem(word))
        if not word[0].isdigit() and ("." in word or "_" in word):
            terms.extend(stem(part) for part in re.split(r"[._]", word) if part not in STOP_WORDS)
    return terms
