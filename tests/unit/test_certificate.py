"""A certificate says what was achieved, and any change to it is found; on a small path, without a journal."""

from __future__ import annotations

import io
import json
import os
import threading
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from pgdojo.course.path_records import Module, Track
from pgdojo.errors import PgdojoError, UsageError
from pgdojo.learner.records import SignOff
from pgdojo.path import signing
from pgdojo.path.achievement import achievement_id, lacks
from pgdojo.path.certificate import Holder, Naming, issue, verify
from pgdojo.path.certificate_page import draw
from pgdojo.path.mastery import Mastery
from pgdojo.path.records import ModuleProgress, NextStep, PathProgress
from pgdojo.path.signing import Signer

FRIDAY = datetime(2026, 5, 8, 14, 3, 22, tzinfo=UTC)
TRACK = Track(id="baker", name="Baker", says="You bake.")
MODULE = Module.model_validate(
    {
        "id": "dough",
        "title": "Dough",
        "why": "Nothing rises without it.",
        "minutes": 30,
        "objectives": ["knead", "rest"],
        "labs": ["light"],
        "team": [{"id": "find-our-oven", "title": "Find our oven", "do": "Look.", "why": "You will need it."}],
    }
)
ANN = Holder(learner="ann", name="ann", name_from="learner")
NAMING = Naming(
    course="From flour to bread",
    achievement="urn:uuid:7e6f7a0c-6c1e-5f3b-9b7e-2f0f3d8a4c11",
    objectives={"knead": "Knead dough.", "rest": "Let dough rest."},
    labs={"light": "Light the oven"},
)


def mastery(objective, state="mastered"):
    return Mastery(
        objective=objective,
        state=state,
        right=3,
        variants=2,
        variants_wanted=2,
        dates=(date(2026, 5, 4), date(2026, 5, 6)),
        unaided=True,
        recall=0.95,
        labs_wanted=(),
        labs_passed=(),
        lacks=(),
    )


def module(**other):
    said = SignOff(
        key="s", learner="ann", task="find-our-oven", state="signed", by="p-1", note="A secret.", signed_at=FRIDAY
    )
    known = {
        "module": MODULE,
        "state": "done",
        "waits_for": (),
        "mastered": 2,
        "total": 2,
        "high_left": (),
        "objectives": (mastery("knead"), mastery("rest")),
        "sections_read": frozenset(),
        "asked": frozenset(),
        "labs_passed": ("light",),
        "labs_to_sign": (),
        "tasks": {"find-our-oven": said},
        "gate_best": 0.9,
    }
    return ModuleProgress(**{**known, **other})


def progress(*modules, track=TRACK):
    return PathProgress(
        learner="ann",
        track=track,
        modules=modules or (module(),),
        next=NextStep(kind="done", label="", says=""),
        placed=True,
        due=0,
        heat=(),
        changed=(),
        target=None,
        outlook=None,
    )


@pytest.fixture(scope="module")
def signer():
    return Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.fixture(scope="module")
def badge(signer):
    return issue(progress(), ANN, NAMING, signer, FRIDAY)


@pytest.fixture(scope="module")
def page(badge, signer):
    return draw(badge, signer)


@pytest.fixture(scope="module")
def examine(tmp_path_factory, signer):
    """Verifies a badge or bytes as a file, by default with the key that signed it."""
    folder = tmp_path_factory.mktemp("certificates")

    def run(content, key=signer.did, held=None):
        file = folder / "file"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return verify(file, key, held)

    return run


def outcomes(verdict):
    return {check.about: check.outcome for check in verdict.checks}


def text_of(page):
    return " ".join(PdfReader(io.BytesIO(page)).pages[0].extract_text().split())


# What it says


def test_a_certificate_tells_who_achieved_what_and_by_which_evidence(badge, signer):
    subject = badge["credentialSubject"]
    (evidence,) = badge["evidence"]

    assert badge["type"] == ["VerifiableCredential", "AchievementCredential"]
    assert badge["issuer"]["id"] == signer.did
    assert badge["validFrom"] == "2026-05-08T14:03:22Z"
    assert subject["identifier"][0]["identityHash"] == "ann"
    assert subject["achievement"]["name"] == "From flour to bread"
    assert subject["achievement"]["specialization"] == "Baker"
    assert "80%" in subject["achievement"]["criteria"]["narrative"]
    assert evidence["narrative"] == (
        "2 of 2 objectives mastered. Labs passed: Light the oven. Find our oven: signed off on 2026-05-08."
        " Best quiz: 90 %."
    )
    assert evidence["record"]["objectives"][0] == {
        "id": "knead",
        "says": "Knead dough.",
        "state": "mastered",
        "right": 3,
        "questions": 2,
        "days": ["2026-05-04", "2026-05-06"],
    }


def test_who_signed_and_what_they_noted_stays_in_the_journal(badge):
    text = json.dumps(badge)

    assert "A secret." not in text
    assert "p-1" not in text


def test_what_is_lacking_is_said_and_nothing_is_issued(signer):
    open_one = module(state="open", mastered=1, high_left=("rest",))
    unfinished, nameless = progress(open_one), Holder(learner="ann", name=" ", name_from="learner")

    with pytest.raises(UsageError) as refusal:
        issue(unfinished, nameless, NAMING, signer, FRIDAY)

    assert lacks(unfinished, "Ann") == (
        "“Dough”: 1 of 2 objectives are mastered, and 1 objective where a mistake hurts in production must be.",
    )
    assert lacks(progress(), "") == ("Your name: a certificate says whose it is.",)
    assert lacks(progress(track=None), "Ann") == ("A track of the path, chosen by you.",)
    assert "1 of 2 objectives" in str(refusal.value)
    assert "Your name" in str(refusal.value)


def test_another_demand_is_another_achievement():
    more = MODULE.model_copy(update={"objectives": ("knead", "rest", "heat")})
    reworded = MODULE.model_copy(update={"title": "The dough", "read": ("handbook/bread#knead",)})

    names = [achievement_id("Bread", TRACK, [one]) for one in (MODULE, more, reworded)]

    assert names[0] != names[1]
    assert names[0] == names[2]


# The signature


def test_a_proof_that_the_w3c_worked_out_holds():
    # The example of "Representation: eddsa-jcs-2022" in Data Integrity EdDSA Cryptosuites v1.0, appendix B.
    key = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
    contexts = ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"]
    document = {
        "@context": contexts,
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", "AlumniCredential"],
        "name": "Alumni Credential",
        "description": "A minimum viable example of an Alumni Credential.",
        "issuer": "https://vc.example/issuers/5678",
        "validFrom": "2023-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
        "proof": {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "created": "2023-02-24T23:36:38Z",
            "verificationMethod": f"https://vc.example/issuers/5678#{key}",
            "proofPurpose": "assertionMethod",
            "@context": contexts,
            "proofValue": "z63t83Y53KfzJ5ZosfKTnqfMcKB2dmTrfjSaQjeNNjAD5srBowQfmWqeRb8rRjmeEuCBEsddF9LsVogtuTsijJKh4",
        },
    }

    assert signing.is_intact(document, signing.public_key(key))
    assert not signing.is_intact({**document, "name": "alumni Credential"}, signing.public_key(key))


def test_an_untouched_certificate_is_verified_as_json_and_as_pdf(badge, page, examine):
    as_json, as_pdf = examine(badge), examine(page)

    assert as_json.is_good
    assert as_pdf.is_good
    assert outcomes(as_json) == {
        "signature": "verified",
        "evidence": "verified",
        "issuer": "verified",
        "journal": "not checked",
        "name": "not checked",
    }
    assert outcomes(as_pdf)["page"] == "verified"


def places(value, path=()):
    """Where each value of a document stands."""
    yield path
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*path, name))


def changed(document, path):
    """The document with one value changed: a text by one letter, a number by one, anything else gone."""
    document = deepcopy(document)
    *way, last = path
    inner = document
    for name in way:
        inner = inner[name]
    old = inner[last]
    if isinstance(old, str):
        inner[last] = f"{old}." if not old.endswith("4") else f"{old[:-1]}5"
    elif isinstance(old, int):
        inner[last] = old + 1
    else:
        del inner[last]
    return document


def test_any_changed_value_is_found(badge, examine):
    survived = []
    for path in places(badge):
        if not path:
            continue
        try:
            if examine(changed(badge, path)).is_good:
                survived.append(path)
        except PgdojoError:
            pass  # no longer a certificate at all

    assert survived == []


@pytest.mark.slow
def test_any_changed_byte_of_a_pdf_is_found(page, examine):
    @settings(max_examples=200, deadline=None)
    @given(place=st.integers(0, len(page) - 1), other=st.integers(1, 255))
    def changes(place, other):
        spoilt = bytearray(page)
        spoilt[place] ^= other

        try:
            verdict = examine(bytes(spoilt))
        except UsageError:
            return

        assert not verdict.is_good

    changes()


def test_what_is_added_behind_a_pdf_or_taken_from_its_end_is_found(page, examine):
    added = examine(page + b"% a word\n")
    cut = examine(page[: page.rindex(b"\n%pgdojo-page-signature")])

    assert outcomes(added)["page"] == "refused"
    assert outcomes(cut)["page"] == "refused"
    assert not added.is_good
    assert not cut.is_good


def test_a_page_that_was_drawn_by_somebody_else_around_a_real_badge_is_refused(badge, examine):
    writer = PdfWriter()
    writer.add_blank_page(210, 297)
    writer.add_attachment("certificate.json", json.dumps(badge).encode())
    forged = io.BytesIO()
    writer.write(forged)

    verdict = examine(forged.getvalue())

    assert outcomes(verdict)["signature"] == "verified"
    assert outcomes(verdict)["page"] == "refused"
    assert not verdict.is_good


def test_a_certificate_of_a_stranger_is_not_good_with_another_key_or_with_none(examine, signer):
    stranger = Signer(Ed25519PrivateKey.generate())
    forged = issue(progress(), ANN, NAMING, stranger, FRIDAY)

    with_another, with_none = examine(forged), examine(forged, "")

    assert outcomes(with_another)["issuer"] == "refused"
    assert outcomes(with_none)["issuer"] == "not checked"
    assert not with_another.is_good
    assert not with_none.is_good
    assert "Ask the issuer" in next(one.says for one in with_none.checks if one.about == "issuer")
    assert not examine({**forged, "issuer": {**forged["issuer"], "id": signer.did}}).is_good


def test_a_journal_says_whether_it_was_issued_here(badge, examine):
    here = examine(badge, held={badge["id"].removeprefix("urn:uuid:"): badge}.get)
    elsewhere = examine(badge, held={}.get)
    other = examine(badge, held=lambda _key: {**badge, "name": "Another"})

    assert [outcomes(one)["journal"] for one in (here, elsewhere, other)] == ["verified", "not checked", "refused"]
    assert here.is_good
    assert elsewhere.is_good
    assert not other.is_good


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[1]",
        b'{"id": NaN}',
        b"[" * 100_000,
        b"%PDF-1.7\nnothing",
        b'{"id": 1, "id": 2}',
        b" " * 5_000_001,
    ],
    ids=["nothing", "no-text", "no-badge", "a-list", "no-number", "too-deep", "no-pdf", "a-name-twice", "too-large"],
)
def test_what_is_no_certificate_is_told_so(content, examine):
    with pytest.raises(UsageError) as refusal:
        examine(content)

    assert refusal.value.next_step


def test_a_value_that_is_set_twice_does_not_slip_through(badge, examine):
    twice = json.dumps(badge)[:-1] + ', "name": "Master Baker"}'

    with pytest.raises(UsageError):
        examine(twice.encode())


def test_a_key_that_is_none_is_told_so(badge, examine):
    for key in ("did:key:z6Mk0", "did:web:example.com", "z", "z" + "1" * 1000):
        with pytest.raises(UsageError, match="no public key"):
            examine(badge, key)


def test_signs_that_steer_a_terminal_are_not_passed_on(badge, examine):
    subject = deepcopy(badge["credentialSubject"])
    subject["identifier"][0]["identityHash"] = "ann\x1b[2J\nA good certificate"

    lines = list(examine({**badge, "credentialSubject": subject}).lines())

    assert lines[0].startswith("NOT verified: ann [2J A good certificate")
    assert "\x1b" not in "".join(lines)


# The page


def test_the_page_is_one_sheet_of_a4_with_the_badge_inside(badge, page):
    reader = PdfReader(io.BytesIO(page))

    assert len(reader.pages) == 1
    assert [round(float(side) * 25.4 / 72) for side in reader.pages[0].mediabox[2:]] == [210, 297]
    assert json.loads(reader.attachments["certificate.json"][0]) == badge
    shown = text_of(page)
    for said in (
        "ann",
        "From flour to bread",
        "Baker",
        "8 May 2026",
        "Dough 2 of 2 1 1",
        badge["evidenceHash"],
        "pgdojo verify",
    ):
        assert said in shown


def test_a_name_that_the_type_cannot_write_is_left_to_the_badge(signer, examine):
    chinese = issue(progress(), Holder(learner="ann", name="甲", name_from="learner"), NAMING, signer, FRIDAY)

    page = draw(chinese, signer)

    assert "The holder named in the attached badge" in text_of(page)
    assert examine(page).summary.name == "甲"


def test_a_long_name_and_many_modules_stay_on_one_page(signer):
    many = progress(*[module()] * 30)
    long = issue(many, Holder(learner="ann", name="ann " * 60, name_from="learner"), NAMING, signer, FRIDAY)

    assert len(PdfReader(io.BytesIO(draw(long, signer))).pages) == 1


def test_a_demonstration_says_so_on_the_page_in_the_badge_and_when_verified(signer, examine):
    made_up = Holder(learner="d-1", name="Demo learner 01", name_from="demo", demo=True)
    badge = issue(progress(), made_up, NAMING, signer, FRIDAY)

    assert badge["name"].startswith("Demo: ")
    assert "DEMO · this learner is made up" in text_of(draw(badge, signer))
    assert outcomes(examine(badge))["demo"] == "refused"
    assert not examine(badge).is_good


def test_a_page_is_not_drawn_with_a_key_that_is_not_the_badges(badge):
    with pytest.raises(UsageError, match="not the one of this machine"):
        draw(badge, Signer(Ed25519PrivateKey.generate()))


# The key


def test_the_key_is_made_once_for_its_owner_alone_even_when_many_ask_at_once(tmp_path):
    file = tmp_path / "new" / "key.pem"
    found = []
    threads = [threading.Thread(target=lambda: found.append(Signer.open_or_make(file).did)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert set(found) == {Signer.open(file).did}
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
def test_a_key_that_others_can_read_is_refused_with_the_way_to_mend_it(tmp_path):
    file = tmp_path / "key.pem"
    Signer.open_or_make(file)
    file.chmod(0o640)

    with pytest.raises(UsageError, match="chmod 600"):
        Signer.open(file)


def test_a_key_that_is_missing_or_is_none_is_told_so(tmp_path):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no key", encoding="utf-8")
    rubbish.chmod(0o600)

    with pytest.raises(UsageError, match="made with the first certificate"):
        Signer.open(Path(tmp_path / "missing.pem"))
    with pytest.raises(UsageError, match="cannot be read"):
        Signer.open(rubbish)
