"""HTTP with the standard library: persistent connections, timeouts, and retries after temporary failures."""

import asyncio
import contextlib
import functools
import http.client
import json
import select
import ssl
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, TypeVar, Union

from .errors import ChinwagError, Unreachable

T = TypeVar("T")
Body = Union[bytes, BinaryIO, None]

#: The server closes a connection that is idle for 10 s.
IDLE = 5.0
#: The maximum size of a JSON response.
ANSWER_MOST = 64 << 20
PIECE = 64 << 10
#: The maximum number of simultaneous requests of an asynchronous client. Further ones wait.
THREADS = 32
PAUSE_FIRST = 0.2
PAUSE_MOST = 30.0


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    data: Any


class Kept(NamedTuple):
    connection: http.client.HTTPConnection
    since: float


class Transport:
    """Makes requests to one server. Safe for use by several threads."""

    def __init__(self, url: str, key: str, *, timeout: float, attempts: int, context: Optional[ssl.SSLContext]) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError(f"the url {url!r} is invalid: use an address such as https://chat.example")
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("the key is empty or has invalid characters: pass it without spaces and line breaks")
        if attempts < 1 or timeout <= 0:
            raise ValueError("attempts must be at least 1, and timeout must be greater than 0")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._base = f"{parts.path.rstrip('/')}/api/v1/"
        self._key = key
        self._timeout = timeout
        self._attempts = attempts
        self._context = context or (ssl.create_default_context() if self._secure else None)
        self._kept: List[Kept] = []
        self._lock = threading.Lock()
        self._closed = False

    def call(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = True, wait: float = 0) -> Answer:
        """Makes a request. Repeats it after 429, and if it is `safe` also after 503 and after a lost connection."""
        body = None if payload is None else json.dumps(payload).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        for left in range(self._attempts - 1, -1, -1):
            try:
                with self._request(method, path, body, headers, self._timeout + wait) as response:
                    return _answer(response)
            except ChinwagError as error:
                passes = error.status == 429 or (safe and error.status in (0, 503))
                pause = PAUSE_FIRST * 2 ** (self._attempts - 1 - left) if error.retry_after is None else error.retry_after
                if not passes or not left or pause > PAUSE_MOST:
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def upload(self, path: str, body: Union[bytes, BinaryIO], size: int) -> Answer:
        """Uploads bytes, without a retry."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with self._request("POST", path, body, headers, self._timeout) as response:
            return _answer(response)

    def download(self, path: str, take: Callable[[bytes], Any]) -> int:
        """Passes the bytes to `take` in pieces, without a retry. Returns their number."""
        with self._request("GET", path, None, {}, self._timeout) as response:
            if response.status != 200:
                _answer(response)
            length, got = response.headers.get("Content-Length"), 0
            while True:
                with _lost():
                    piece = response.read(PIECE)
                if not piece:
                    break
                take(piece)
                got += len(piece)
            if length is not None and got != int(length):
                raise Unreachable("the connection was lost before the end of the file: download it again")
            return got

    def close(self) -> None:
        """Closes the connections. Later requests raise `Unreachable`."""
        with self._lock:
            kept, self._kept, self._closed = self._kept, [], True
        for one in kept:
            one.connection.close()

    @contextlib.contextmanager
    def _request(self, method: str, path: str, body: Body, headers: Dict[str, str], timeout: float) -> Iterator[http.client.HTTPResponse]:
        connection = self._take(timeout)
        response = None
        try:
            with _lost():
                # A server that refuses a request does not read its body, but its response may have arrived.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, self._base + path, body, {"Authorization": f"Bearer {self._key}", **headers})
                response = connection.getresponse()
            yield response
        finally:
            # The rest of a response would be read as the next one.
            self._give(connection, response is not None and response.isclosed() and not response.will_close)

    def _take(self, timeout: float) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                if self._closed:
                    raise Unreachable("this client is closed: create a new one")
                kept = self._kept.pop() if self._kept else None
            if kept is None:
                return self._connect(timeout)
            # A readable connection was closed by the server.
            if time.monotonic() - kept.since < IDLE and kept.connection.sock and not _readable(kept.connection):
                kept.connection.sock.settimeout(timeout)
                return kept.connection
            kept.connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _give(self, connection: http.client.HTTPConnection, reusable: bool) -> None:
        with self._lock:
            if reusable and not self._closed and len(self._kept) < THREADS:
                self._kept.append(Kept(connection, time.monotonic()))
                return
        connection.close()


class AsyncTransport:
    """The same for asyncio. Each request runs in one of at most 32 threads."""

    def __init__(self, url: str, key: str, *, timeout: float, attempts: int, context: Optional[ssl.SSLContext]) -> None:
        self._transport = Transport(url, key, timeout=timeout, attempts=attempts, context=context)
        self._threads = ThreadPoolExecutor(THREADS, "chinwag")

    async def call(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = True, wait: float = 0) -> Answer:
        return await self._run(functools.partial(self._transport.call, method, path, payload, safe=safe, wait=wait))

    async def upload(self, path: str, body: Union[bytes, BinaryIO], size: int) -> Answer:
        return await self._run(functools.partial(self._transport.upload, path, body, size))

    async def download(self, path: str, take: Callable[[bytes], Any]) -> int:
        return await self._run(functools.partial(self._transport.download, path, take))

    async def close(self) -> None:
        self._transport.close()
        self._threads.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def next_cursor(headers: Mapping[str, str]) -> Optional[str]:
    """Returns the cursor of the next page, or None on the last page."""
    link = headers.get("link", "")
    if 'rel="next"' not in link:
        return None
    query = urllib.parse.urlsplit(link[link.index("<") + 1:link.index(">")]).query
    return urllib.parse.parse_qs(query).get("cursor", [""])[0] or None


def path_of(*segments: str) -> str:
    """Returns the path of these segments, percent-encoded."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise ValueError(f"{segment!r} is not a name or an id: pass one that is not empty, `.` or `..`")
    return "".join(f"{urllib.parse.quote(segment, safe='')}/" for segment in segments)


def query_of(values: Mapping[str, Any]) -> str:
    """Returns the query string of the values that are not None."""
    pairs: List[Tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, (list, tuple)):
            value = ",".join(value)
        if value is not None:
            pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return f"?{urllib.parse.urlencode(pairs)}" if pairs else ""


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    """Raises `Unreachable` for failures of the connection."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error


def _readable(connection: http.client.HTTPConnection) -> bool:
    try:
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))
    except AttributeError:
        # Windows has no poll.
        return bool(select.select([connection.sock], [], [], 0)[0])


def _answer(response: http.client.HTTPResponse) -> Answer:
    with _lost():
        raw = response.read(ANSWER_MOST + 1)
    if len(raw) > ANSWER_MOST:
        raise Unreachable(f"the response is longer than {ANSWER_MOST} bytes: request a smaller page")
    headers = {name.lower(): value for name, value in response.headers.items()}
    if len(raw) != int(headers.get("content-length") or len(raw)):
        raise Unreachable("the connection was lost before the end of the response: try again")
    try:
        data = json.loads(raw)
    except ValueError:
        data = None
    if response.status >= 400:
        problem = data if isinstance(data, dict) else {}
        retry_after = headers.get("retry-after", "")
        seconds = float(retry_after) if retry_after.isdigit() else None
        # A proxy can answer for a server that is busy or unreachable.
        if not headers.get("content-type", "").startswith("application/problem+json") and not (response.status in (429, 503) and seconds is not None):
            raise _foreign(response)
        detail = str(problem.get("detail") or response.reason or "refused")
        raise ChinwagError(response.status, detail, problem.get("errors"), seconds)
    if data is None or response.status >= 300:
        raise _foreign(response)
    return Answer(response.status, headers, data)


def _foreign(response: http.client.HTTPResponse) -> Unreachable:
    return Unreachable(f"the response is not from a Chinwag server (status {response.status}): check the URL")
