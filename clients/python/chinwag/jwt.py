"""Tokens that your application signs itself, without a request to the server."""

import base64
import hashlib
import hmac
import json
import time
from typing import Dict, Optional, Union

#: The minimum number of bytes of a secret, as on the server.
LEAST = 32


def make_jwt(
    user: str,
    secret: Union[str, bytes],
    *,
    ttl: float = 3600,
    issuer: Optional[str] = None,
    audience: Optional[str] = None,
    now: Optional[float] = None,
) -> str:
    """Returns a JWT (HS256) with which the user signs in, valid for `ttl` seconds.

    `secret` is the server's setting `auth.jwt.secret`. Pass `issuer` and `audience` if `auth.jwt` requires them.
    """
    key = secret.encode() if isinstance(secret, str) else secret
    if len(key) < LEAST:
        raise ValueError(f"the secret has {len(key)} bytes: use at least {LEAST}")
    if not user:
        raise ValueError("user is empty: pass the user's name")
    if ttl <= 0:
        raise ValueError(f"ttl is {ttl}: pass a number of seconds greater than 0")
    issued = time.time() if now is None else now
    claims: Dict[str, Union[str, int]] = {"sub": user, "iat": int(issued), "exp": int(issued + ttl)}
    if issuer is not None:
        claims["iss"] = issuer
    if audience is not None:
        claims["aud"] = audience
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_text(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def _part(value: object) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
