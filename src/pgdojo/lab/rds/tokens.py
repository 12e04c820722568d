"""Tokens of generate-db-auth-token: a signed address, valid for fifteen minutes."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

LIFETIME = timedelta(minutes=15)


def token_fits(token: str, *, user: str, port: int, keys: dict[str, str], now: datetime | None = None) -> bool:
    """Whether `token` was signed with one of `keys` for this user and port, and has not run out.

    Source: Signature Version 4 for query strings, docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
    """
    parts = urlsplit("//" + token)
    fields = dict(parse_qsl(parts.query))
    try:
        signed_at = datetime.strptime(fields["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        key_id, day, region, service, _ = fields["X-Amz-Credential"].split("/")
        given = fields["X-Amz-Signature"]
        lifetime = min(timedelta(seconds=int(fields["X-Amz-Expires"])), LIFETIME)
        its_port = parts.port
    except (KeyError, ValueError):
        return False
    age = (now or datetime.now(UTC)) - signed_at
    known = key_id in keys and fields.get("Action") == "connect" and fields.get("DBUser") == user and its_port == port
    if not known or not timedelta(minutes=-5) <= age <= lifetime:
        return False
    names = sorted(name for name in fields if name != "X-Amz-Signature")
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(fields[name], safe='-_.~')}" for name in names)
    request = f"GET\n/\n{query}\nhost:{parts.netloc}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{fields['X-Amz-Date']}\n{scope}\n{digest}"
    step = ("AWS4" + keys[key_id]).encode()
    for part in (day, region, service, "aws4_request"):
        step = hmac.new(step, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(hmac.new(step, text.encode(), hashlib.sha256).hexdigest(), given)
