"""Verification of what a webhook receives, by Standard Webhooks 1.0."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Iterable, Optional, Protocol, Tuple, Union, cast

from .types import Event

PREFIX = "whsec_"


class Headers(Protocol):
    """The headers of a request, as every framework has them, in any case."""

    def items(self) -> Iterable[Tuple[str, str]]: ...


class WebhookError(Exception):
    """The request is not one of your server's, or is an old one: answer 401."""


def verify_webhook(
    secret: Union[str, Iterable[str]],
    headers: Headers,
    body: Union[bytes, str],
    *,
    tolerance: float = 300,
    now: Optional[float] = None,
) -> Event:
    """The event of a request, if the request is the server's.

    `secret` is that of the webhook, or several while it is being changed. `body` is the body as it came, not parsed and
    written anew. A timestamp that is more than `tolerance` seconds away is refused.
    """
    keys = [_key(one) for one in ([secret] if isinstance(secret, str) else secret)]
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not given.get(name)]
    if missing:
        raise WebhookError(f"the header {missing[0]} is missing")
    event_id, timestamp = given["webhook-id"], given["webhook-timestamp"]
    # `int` takes more than digits.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise WebhookError("the header webhook-timestamp is no number of seconds")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        raise WebhookError("the request is too old, or one of the clocks is wrong")
    data = body.encode() if isinstance(body, str) else bytes(body)
    expected = [_signature(key, event_id, int(timestamp), data) for key in keys]
    signatures = given["webhook-signature"].split(" ")
    # Every pair is compared, so that the time says nothing.
    equal = [hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in signatures]
    if not any(equal):
        raise WebhookError("the signature is not of this secret")
    event: object = json.loads(data)
    if not isinstance(event, dict):
        raise WebhookError("the body is no event")
    return cast(Event, event)


def sign_webhook(secret: str, event_id: str, timestamp: int, body: Union[bytes, str]) -> str:
    """The signature that the server would send, for tests of your receiver."""
    return _signature(_key(secret), event_id, timestamp, body.encode() if isinstance(body, str) else body)


def _signature(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    text = secret[len(PREFIX):] if secret.startswith(PREFIX) else secret
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("the secret is whsec_ and 24 to 64 bytes in base64: give it as the server has shown it")
    return key
