"""The exceptions of the clients."""

from typing import List, Optional

from .types import FieldError


class ChinwagError(Exception):
    """The server has refused a request.

    `status` is the HTTP status, `detail` the reason, `errors` lists the refused keys of the payload, and `retry_after` is the
    number of seconds to wait before the next attempt, or None.
    """

    def __init__(self, status: int, detail: str, errors: Optional[List[FieldError]] = None, retry_after: Optional[float] = None) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.detail = detail
        self.errors: List[FieldError] = errors or []
        self.retry_after = retry_after


class Unreachable(ChinwagError):
    """No response of a Chinwag server arrived. The request may have been carried out or not. `status` is 0."""

    def __init__(self, detail: str) -> None:
        super().__init__(0, detail)
