"""A client of the API of a Chinwag server for your backend: users, tokens, groups, messages, files, events and webhooks.

>>> from chinwag import Client
>>> client = Client("https://chat.example", "cw_key_…")
"""

from . import types
from .async_client import AsyncClient
from .client import Client
from .errors import ChinwagError, Unreachable
from .jwt import make_jwt
from .types import UNSET
from .webhooks import WebhookError, sign_webhook, verify_webhook

__version__ = "0.0.0"

__all__ = [
    "UNSET",
    "AsyncClient",
    "ChinwagError",
    "Client",
    "Unreachable",
    "WebhookError",
    "make_jwt",
    "sign_webhook",
    "types",
    "verify_webhook",
]
