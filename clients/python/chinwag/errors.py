"""What calls raise."""

from typing import List, Optional

from .types import FieldError


class ChinwagError(Exception):
    """The server has refused a request.

    `status` is the HTTP status, `detail` a sentence, `errors` the refused keys of the payload, and `retry_after` the
    seconds after which another attempt may succeed.
    """

    def __init__(self, status: int, detail: str, errors: Optional[List[FieldError]] = None, retry_after: Optional[float] = None) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.detail = detail
        self.errors: List[FieldError] = errors or []
        self.retry_after = retry_after


class Unreachable(ChinwagError):
    """There was no answer, or none of a Chinwag server: the request may have been carried out or not."""

    def __init__(self, detail: str) -> None:
        super().__init__(0, detail)
