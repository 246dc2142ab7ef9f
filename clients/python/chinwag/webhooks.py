"""Verification of the requests of webhooks (Standard Webhooks 1.0)."""

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
    """The headers of a request, in the form of any framework. The case of names is ignored."""

    def items(self) -> Iterable[Tuple[str, str]]: ...


class WebhookError(Exception):
    """The request is not from your server, or is too old: answer 401."""


def verify_webhook(
    secret: Union[str, Iterable[str]],
    headers: Headers,
    body: Union[bytes, str],
    *,
    tolerance: float = 300,
    now: Optional[float] = None,
) -> Event:
    """Returns the event of a request from the server. Raises `WebhookError` for any other request.

    `secret` is that of the webhook, or a list of several during a change. `body` is the unchanged body: do not parse and
    encode it again. `tolerance` is the maximum difference between the timestamp and the current time, in seconds. An
    invalid secret raises ValueError.
    """
    keys = [_key(one) for one in ([secret] if isinstance(secret, str) else secret)]
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not given.get(name)]
    if missing:
        raise WebhookError(f"the header {missing[0]} is missing")
    event_id, timestamp = given["webhook-id"], given["webhook-timestamp"]
    # `int` accepts more than ASCII digits.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise WebhookError("the header webhook-timestamp is not a number of seconds")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        raise WebhookError("the timestamp differs too much from the current time: check the clock")
    data = body.encode() if isinstance(body, str) else bytes(body)
    expected = [_signature(key, event_id, int(timestamp), data) for key in keys]
    signatures = given["webhook-signature"].split(" ")
    # All pairs are compared, so that the time does not depend on the result.
    equal = [hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in signatures]
    if not any(equal):
        raise WebhookError("the signature does not match: check the secret, and pass the unchanged body")
    event: object = json.loads(data)
    if not isinstance(event, dict):
        raise WebhookError("the body is not an event: it must be a JSON object")
    return cast(Event, event)


def sign_webhook(secret: str, event_id: str, timestamp: int, body: Union[bytes, str]) -> str:
    """Returns the signature that the server would send, for tests of your receiver."""
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
        raise ValueError("the secret is invalid: pass whsec_ and 24 to 64 bytes in base64, as the server has returned it")
    return key
