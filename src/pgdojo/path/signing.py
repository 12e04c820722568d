"""The key that certificates are signed with, and signatures over JSON that any change of a value breaks.

JSON is brought into one form (RFC 8785) and signed with Ed25519 as the cryptosuite eddsa-jcs-2022 of the W3C's
Verifiable Credential Data Integrity says. A public key is written as did:key.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from filelock import FileLock
from platformdirs import user_data_dir

from pgdojo.errors import UsageError

KEY_VARIABLE = "PGDOJO_SIGNING_KEY"

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519 = b"\xed\x01"
"""How a public key of this kind begins, from the table of multicodecs."""
_DID = "did:key:"
_SUITE = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofPurpose": "assertionMethod"}


def key_file() -> Path:
    """Where the signing key of this machine is, or will be: in the user's data folder unless the environment says."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named) if named else Path(user_data_dir("pgdojo"), "signing-key.pem")


class Signer:
    """A private key that signs; what it signed is known by its public key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Sign with `key`."""
        self._key = key
        self.did = did_of(key.public_key())

    @classmethod
    def open(cls, file: Path) -> Signer:
        """Read the key in `file`.

        Raises:
            UsageError: There is none, others may read it, or it is no Ed25519 key.
        """
        try:
            _refuse_if_shared(file)
            key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        except FileNotFoundError:
            problem = f"There is no signing key yet at {file}."
            raise UsageError(problem, next_step="It is made with the first certificate.") from None
        except (OSError, ValueError, TypeError) as cause:
            problem = f"The signing key {file} cannot be read."
            raise UsageError(problem, next_step=f"Let {KEY_VARIABLE} name an Ed25519 key in PEM, unlocked.") from cause
        if not isinstance(key, Ed25519PrivateKey):
            raise UsageError(f"The signing key {file} is no Ed25519 key.", next_step=f"Let {KEY_VARIABLE} name one.")
        return cls(key)

    @classmethod
    def open_or_make(cls, file: Path) -> Signer:
        """Read the key in `file`, which is made now if there is none; nobody but its owner may read it.

        Raises:
            UsageError: It cannot be read or made.
        """
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(file.with_name(f"{file.name}.lock")):
                if not file.exists():
                    _make(file)
        except OSError as cause:
            problem = f"The signing key cannot be kept at {file}."
            raise UsageError(problem, next_step=f"Let {KEY_VARIABLE} name a file that you can write.") from cause
        return cls.open(file)

    def sign(self, message: bytes) -> str:
        """The signature over `message`, as text."""
        return _multibase(self._key.sign(message))


def _make(file: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Under another name first, so that a process that ends here leaves no half a key.
    made = file.with_name(f"{file.name}.new")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(pem)
        opened.flush()
        os.fsync(opened.fileno())
    made.replace(file)


def _refuse_if_shared(file: Path) -> None:
    if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"Others than you may use the signing key {file}.", next_step=f"Run chmod 600 {file}.")


def did_of(key: Ed25519PublicKey) -> str:
    """A public key as text."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _DID + _multibase(_ED25519 + raw)


def public_key(text: str) -> Ed25519PublicKey:
    """The public key that `text` writes, with or without did:key: before it.

    Raises:
        ValueError: It writes none.
    """
    raw = _bytes(text.strip().removeprefix(_DID))
    if not raw.startswith(_ED25519):
        raise ValueError("no Ed25519 key")
    return Ed25519PublicKey.from_public_bytes(raw[len(_ED25519) :])


def is_signed(message: bytes, signature: str, key: Ed25519PublicKey) -> bool:
    """Whether `signature` was made over `message` by the private half of `key`."""
    try:
        key.verify(_bytes(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def secured(document: Mapping[str, Any], signer: Signer, at: datetime) -> dict[str, Any]:
    """`document` with a proof that `signer` signed it at `at`."""
    options = {
        **_SUITE,
        "created": timestamp(at),
        "verificationMethod": f"{signer.did}#{signer.did.removeprefix(_DID)}",
        "@context": document["@context"],
    }
    return {**document, "proof": {**options, "proofValue": signer.sign(_to_sign(document, options))}}


def is_intact(document: Mapping[str, Any], key: Ed25519PublicKey) -> bool:
    """Whether the proof of `document` was made over every value of it by the private half of `key`."""
    proof = document.get("proof")
    if not isinstance(proof, dict) or any(proof.get(name) != value for name, value in _SUITE.items()):
        return False
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    rest = {name: value for name, value in document.items() if name != "proof"}
    try:
        message = _to_sign(rest, options)
    except (ValueError, RecursionError):
        return False
    return is_signed(message, str(proof.get("proofValue")), key)


def _to_sign(document: Mapping[str, Any], options: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(canonical(options)).digest() + hashlib.sha256(canonical(document)).digest()


def canonical(value: Any) -> bytes:
    """JSON in the one form of RFC 8785.

    Raises:
        ValueError: It cannot be written so, as a number beyond 2 to the power of 53.
    """
    return rfc8785.dumps(value)


def timestamp(at: datetime) -> str:
    """A moment as credentials write it, to the second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _multibase(raw: bytes) -> str:
    """Bytes in base 58 as Bitcoin writes it, behind the z that says so."""
    number, digits = int.from_bytes(raw), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    return "z" + _ALPHABET[0] * (len(raw) - len(raw.lstrip(b"\0"))) + digits


def _bytes(text: str) -> bytes:
    """What `_multibase` wrote.

    Raises:
        ValueError: It did not write this.
    """
    digits = text.removeprefix("z")
    # Far longer than a key or a signature: a number of a million digits would take minutes.
    if digits == text or len(digits) > 200:
        raise ValueError("no base 58")
    number = 0
    for digit in digits:
        number = number * 58 + _ALPHABET.index(digit)
    zeros = len(digits) - len(digits.lstrip(_ALPHABET[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
