# Made from async_client.py by make_sync.py: change that file.

"""The client. `Client` and `Client` have the same methods."""

import time
import io
import os
import ssl
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Iterator, BinaryIO, Dict, List, Literal, Mapping, Optional, Sequence, Tuple, Type, Union, cast

from .errors import ChinwagError
from .transport import Transport, next_cursor, path_of, query_of
from .types import (
    UNSET, Attempt, AuditEntry, Event, EventPage, File, FoundMessage, Group, Invite, Key, Member, Message, Operation, ReadMark, Report, ServerInfo,
    Token, Unread, Unset, User, UserSession, Webhook,
)

Text = Union[str, None, Unset]
Data = Union[Mapping[str, Any], None, Unset]

#: The objects of a page, where a method goes through all pages.
PAGE = 500
#: The seconds that a request for events stands, and the longest pause after one that failed.
EVENTS_WAIT = 30
EVENTS_PAUSE = 30.0


class Client:
    """The API of a Chinwag server with the service key, or with the token of a user.

    `url` is the server's address, with its path if it is below one. `timeout` bounds each step of a request, in seconds.
    A request that is refused with 429 is repeated after the time that the server asks for, and one that changes nothing, or
    may be made twice, also after 503 and a lost connection: `attempts` in all. Refusals raise `ChinwagError`.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 30, attempts: int = 4, context: Optional[ssl.SSLContext] = None
    ) -> None:
        self._transport = Transport(url, key, timeout=timeout, attempts=attempts, context=context)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def request(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = False) -> Any:
        """Any request: `path` is below `/api/v1/`. `safe`: it may be made twice."""
        return (self._transport.call(method, path, payload, safe=safe)).data

    # Users and tokens

    def create_user(self, name: str) -> User:
        """Makes a user; 400 if there is one of that name."""
        return cast(User, self._send("POST", "users/", {"name": name}))

    def put_user(
        self,
        name: str,
        *,
        display_name: Text = UNSET,
        avatar: Text = UNSET,
        data: Data = UNSET,
        kind: Union[Literal["person", "bot"], Unset] = UNSET,
        adopt: bool = False,
    ) -> User:
        """Makes a user, or changes the one that your application vouches for. Call it whenever somebody signs in.

        409: the name belongs to somebody who signed up here (`adopt` takes that user over), or is another spelling of a name.
        """
        payload = {"display_name": display_name, "avatar": avatar, "data": data, "kind": kind, "adopt": adopt or UNSET}
        return cast(User, self._send("PUT", path_of("users", name), payload, safe=True))

    def get_user(self, name: str, fields: Sequence[str] = ("__all__",)) -> User:
        return cast(User, self._get(path_of("users", name), fields=fields))

    def find_users(self, names: Sequence[str], fields: Sequence[str] = ("__all__",)) -> List[User]:
        """Users by name, those that there are, up to 100."""
        # A name may have a comma.
        query = query_of({"fields": fields}) + "".join(f"&{query_of({'name': name})[1:]}" for name in names)
        return cast(List[User], self._get("users/" + query)) if names else []

    def list_users(self, fields: Sequence[str] = ("name",), q: Optional[str] = None) -> Iterator[User]:
        """All users, or those whose name or display name begins with `q`."""
        for user in self._pages("users/", {"fields": fields, "q": q}):
            yield cast(User, user)

    def change_user(
        self,
        name: str,
        *,
        new_name: Union[str, Unset] = UNSET,
        display_name: Text = UNSET,
        avatar: Text = UNSET,
        data: Data = UNSET,
        kind: Union[Literal["person", "bot"], Unset] = UNSET,
        settings: Union[Mapping[str, Any], Unset] = UNSET,
    ) -> User:
        """Changes the keys that are given; None clears one."""
        payload = {"display_name": display_name, "avatar": avatar, "data": data, "kind": kind, "settings": settings}
        return cast(User, self._send("PATCH", path_of("users", name), {"new_name": new_name, **payload}))

    def suspend_user(self, name: str, until: str, reason: Optional[str] = None) -> User:
        """Refuses what the user asks for until a date, such as `2026-12-24T18:00:00Z`, and tells it the reason."""
        suspension = {"until": until, "reason": reason}
        return cast(User, self._send("PATCH", path_of("users", name), {"suspended": suspension}))

    def unsuspend_user(self, name: str) -> User:
        """Lifts the suspension of a user."""
        return cast(User, self._send("PATCH", path_of("users", name), {"suspended": None}))

    def set_admin(self, name: str, admin: bool) -> User:
        """Names a user an admin of the server, or ends that."""
        return cast(User, self._send("PATCH", path_of("users", name), {"admin": admin}))

    def get_settings(self) -> Dict[str, Any]:
        """The settings in force, by their keys. A secret is true."""
        return cast(Dict[str, Any], self._get("settings/"))

    def delete_user(self, name: str) -> None:
        self._send("DELETE", path_of("users", name))

    def export_user(self, name: str, target: BinaryIO) -> int:
        """Writes all data of a user, one ZIP, to an open file as they come, and returns the number of bytes."""
        return self._transport.download(path_of("users", name, "export"), target.write)

    def create_token(self, name: str, ttl: Optional[int] = None, *, adopt: bool = False) -> Token:
        """A token with which the user signs in, for `ttl` seconds (by default `auth.session_ttl`, 30 days)."""
        payload = {"ttl": UNSET if ttl is None else ttl, "adopt": adopt or UNSET}
        return cast(Token, self._send("POST", path_of("users", name, "tokens"), payload))

    def delete_tokens(self, name: str) -> None:
        """Signs the user out everywhere."""
        self._send("DELETE", path_of("users", name, "tokens"))

    def sessions(self, name: str) -> List[UserSession]:
        """Where the user is signed in, the newest first."""
        return cast(List[UserSession], self._send("GET", path_of("users", name, "sessions")))

    def end_session(self, name: str, session: str) -> None:
        """Signs the user out in one place."""
        self._send("DELETE", path_of("users", name, "sessions", session))

    def set_password(self, name: str, password: str) -> None:
        """Sets the password of an account of Chinwag's own, and ends its sessions."""
        self._send("PUT", path_of("users", name, "password"), {"password": password}, safe=True)

    def create_key(self, scopes: Sequence[str], ttl: Optional[int] = None) -> Key:
        """A key that is good for some scopes (read, write, users, events, admin). The answer alone has the secret."""
        payload = {"scopes": list(scopes), "ttl": UNSET if ttl is None else ttl}
        return cast(Key, self._send("POST", "keys/", payload))

    def list_keys(self) -> List[Key]:
        return cast(List[Key], self._send("GET", "keys/"))

    def delete_key(self, key: str) -> None:
        self._send("DELETE", path_of("keys", key))

    # Relations

    def relate(self, author: str, name: str, operation: Operation) -> User:
        """Changes the relation of `author` to `name`. An invitation of somebody who has invited the author makes a contact."""
        contact = {"author": author, "name": name, "operation": operation}
        return cast(User, self._send("PATCH", path_of("users", author), {"contact": contact}))

    def has_blocked(self, author: str, target: str) -> bool:
        """Whether the target has blocked the author; 404 if there is no such user."""
        try:
            self._send("POST", "relations/blocked/", {"author": author, "target": target}, safe=True)
        except ChinwagError as error:
            if error.status == 403:
                return True
            raise
        return False

    # Groups

    def create_group(
        self,
        name: str,
        author: str,
        *,
        admins: Sequence[str] = (),
        members: Sequence[str] = (),
        restricts: Sequence[str] = (),
        description: Text = UNSET,
        avatar: Text = UNSET,
        data: Data = UNSET,
        open: bool = False,
        slow: int = 0,
        keep: Optional[int] = None,
    ) -> Group:
        """Makes a group, whose owner is `author`. Nobody has to accept. `keep`: the days after which its messages are erased."""
        lists = {"admins": list(admins), "members": list(members), "restricts": list(restricts)}
        details = {"description": description, "avatar": avatar, "data": data, "open": open, "slow": slow, "keep": keep}
        return cast(Group, self._send("POST", "groups/", {"name": name, "author": author, **lists, **details}))

    def get_group(self, group: str, fields: Sequence[str] = ("__all__",), *, as_user: Optional[str] = None) -> Group:
        """A group; as a user sees it with `as_user`."""
        return cast(Group, self._get(path_of("groups", group), fields=fields, **{"as": as_user}))

    def list_groups(self, fields: Sequence[str] = ("id", "name"), *, as_user: Optional[str] = None) -> Iterator[Group]:
        """All groups, or those of a user."""
        for group in self._pages("groups/", {"fields": fields, "as": as_user}):
            yield cast(Group, group)

    def change_group(
        self,
        group: str,
        *,
        author: Union[str, Unset] = UNSET,
        name: Union[str, Unset] = UNSET,
        owner: Union[str, Unset] = UNSET,
        admins: Union[Sequence[str], Unset] = UNSET,
        members: Union[Sequence[str], Unset] = UNSET,
        restricts: Union[Sequence[str], Unset] = UNSET,
        remove: Union[Sequence[str], Unset] = UNSET,
        ban: Union[Sequence[str], Unset] = UNSET,
        unban: Union[Sequence[str], Unset] = UNSET,
        description: Text = UNSET,
        avatar: Text = UNSET,
        data: Data = UNSET,
        open: Union[bool, Unset] = UNSET,
        slow: Union[int, Unset] = UNSET,
        keep: Union[int, None, Unset] = UNSET,
    ) -> Group:
        """Adds users to the lists and changes details, in the name of `author`, or of nobody with all rights."""
        lists = {"admins": admins, "members": members, "restricts": restricts, "remove": remove, "ban": ban, "unban": unban}
        details = {"description": description, "avatar": avatar, "data": data, "open": open, "slow": slow, "keep": keep}
        payload = {"author": author, "name": name, "owner": UNSET if owner is UNSET else [owner], **lists, **details}
        return cast(Group, self._send("PATCH", path_of("groups", group), payload))

    def delete_group(self, group: str) -> None:
        self._send("DELETE", path_of("groups", group))

    def list_members(self, group: str, *, role: Optional[str] = None, q: Optional[str] = None) -> Iterator[Member]:
        for member in self._pages(path_of("groups", group, "members"), {"role": role, "q": q}):
            yield cast(Member, member)

    def join(self, group: str, author: str) -> Group:
        return cast(Group, self._send("POST", path_of("groups", group, "join"), {"author": author}, safe=True))

    def accept(self, group: str, author: str) -> Group:
        return cast(Group, self._send("POST", path_of("groups", group, "accept"), {"author": author}, safe=True))

    def leave(self, group: str, author: str) -> None:
        self._send("POST", path_of("groups", group, "quit"), {"author": author})

    def private(self, user: str, other: str) -> Group:
        """The private conversation of two users, made if there is none."""
        return cast(Group, self._send("PUT", "private/", {"users": [user, other]}, safe=True))

    def create_invite(
        self, group: str, *, uses: Optional[int] = 1, ttl: int = 7 * 86400, author: Union[str, Unset] = UNSET
    ) -> Invite:
        """A code with which anyone joins. `uses` None: any number of users."""
        payload = {"uses": uses, "ttl": ttl, "author": author}
        return cast(Invite, self._send("POST", path_of("groups", group, "invites"), payload))

    def list_invites(self, group: str) -> List[Invite]:
        return cast(List[Invite], self._get(path_of("groups", group, "invites")))

    def delete_invite(self, group: str, code: str) -> None:
        self._send("DELETE", path_of("groups", group, "invites", code))

    # Read marks

    def mark_read(self, group: str, author: str, seq: int) -> ReadMark:
        """Moves a user's read mark to the message of this number, or the one before. It never moves back."""
        return cast(ReadMark, self._send("POST", path_of("groups", group, "read"), {"author": author, "seq": seq}, safe=True))

    def unread(self, user: str) -> Unread:
        """How much a user has not read, over all groups."""
        return cast(Unread, self._get("unread/", **{"as": user}))

    # Messages

    def send_message(
        self,
        group: str,
        author: str,
        body: str = "",
        *,
        client_id: Optional[str] = None,
        respond_to: Union[str, Unset] = UNSET,
        thread: Union[str, Unset] = UNSET,
        mentions: Union[Sequence[str], Unset] = UNSET,
        attachments: Union[Sequence[str], Unset] = UNSET,
        data: Union[Mapping[str, Any], Unset] = UNSET,
        date: Union[str, Unset] = UNSET,
    ) -> Message:
        """Sends a message, once: attempts have the same `client_id`, which is random if you give none.

        Give your own `client_id` if you call this again after a failure.
        """
        payload = {"group": group, "author": author, "body": body, "client_id": client_id or uuid.uuid4().hex}
        more = {"respond_to": respond_to, "thread": thread, "mentions": mentions, "attachments": attachments, "data": data}
        return cast(Message, self._send("POST", "messages/", {**payload, **more, "date": date}, safe=True))

    def get_message(self, message: str) -> Message:
        return cast(Message, self._get(path_of("messages", message)))

    def edit_message(self, message: str, body: str, *, mentions: Union[Sequence[str], Unset] = UNSET) -> Message:
        return cast(Message, self._send("PATCH", path_of("messages", message), {"body": body, "mentions": mentions}, safe=True))

    def report_message(self, message: str, author: str, reason: str) -> Report:
        """Reports a message in the name of a user."""
        payload = {"author": author, "reason": reason}
        return cast(Report, self._send("POST", path_of("messages", message, "reports"), payload))

    def list_reports(self, state: Optional[str] = None) -> Iterator[Report]:
        """The reports in a state, or all, the newest first."""
        for report in self._pages("reports/", {"state": state}):
            yield cast(Report, report)

    def list_audit(
        self,
        *,
        date: Optional[str] = None,
        actor: Optional[str] = None,
        action: Optional[str] = None,
        target: Optional[str] = None,
        address: Optional[str] = None,
    ) -> Iterator[AuditEntry]:
        """The entries of the audit log of a day in UTC (``2026-11-29``), and with these values, the newest first."""
        filters = {"date": date, "actor": actor, "action": action, "target": target, "address": address}
        for entry in self._pages("audit/", filters):
            yield cast(AuditEntry, entry)

    def change_report(self, report: str, *, state: Union[str, Unset] = UNSET, note: Text = UNSET) -> Report:
        """Changes the state or the note of a report. The text of the message is lost when it is closed."""
        return cast(Report, self._send("PATCH", path_of("reports", report), {"state": state, "note": note}))

    def delete_message(self, message: str) -> None:
        self._send("DELETE", path_of("messages", message))

    def list_messages(
        self, group: str, *, before: Union[int, str, None] = None, after: Union[int, str, None] = None, limit: int = 100,
        thread: Optional[Literal["none"]] = None, as_user: Optional[str] = None,
    ) -> List[Message]:
        """Up to 100 messages: newest first, or with `after` (a number or a date) oldest first."""
        query = {"before": before, "after": after, "limit": limit, "thread": thread, "as": as_user}
        return cast(List[Message], self._get(path_of("groups", group, "messages"), **query))

    def react(self, message: str, author: str, emoji: str, on: bool = True) -> Message:
        """Adds a reaction, or takes it off."""
        path = path_of("messages", message, "reactions", emoji)
        return cast(Message, self._send("PUT" if on else "DELETE", path + query_of({"author": author}), safe=True))

    def pin(self, message: str, on: bool = True, *, author: Optional[str] = None) -> Message:
        path = path_of("messages", message, "pin")
        return cast(Message, self._send("PUT" if on else "DELETE", path + query_of({"author": author}), safe=True))

    def search_messages(
        self,
        q: str,
        *,
        group: Optional[str] = None,
        author: Optional[str] = None,
        before: Optional[str] = None,
        after: Optional[str] = None,
        has: Optional[Literal["file", "link", "image"]] = None,
        as_user: Optional[str] = None,
    ) -> Iterator[FoundMessage]:
        """The messages with all words of `q`, newest first. Stop when you have enough: each page is a request."""
        query = {"q": q, "group": group, "author": author, "before": before, "after": after, "has": has, "as": as_user}
        for message in self._pages("messages/", query, page=100):
            yield cast(FoundMessage, message)

    # Files

    def upload_file(self, source: Union[bytes, str, "os.PathLike[str]", BinaryIO], *, author: str, name: Optional[str] = None) -> File:
        """Uploads bytes, a file by its path, or an open file, in the name of `author`. Attach it within 24 hours."""
        if isinstance(source, (str, os.PathLike)):
            with open(source, "rb") as file:
                return self.upload_file(file, author=author, name=name or Path(source).name)
        size = len(source) if isinstance(source, bytes) else _rest(source)
        path = "files/" + query_of({"name": name or "file", "author": author})
        return cast(File, (self._transport.upload(path, source, size)).data)

    def list_files(self, author: str) -> Iterator[File]:
        """The files that a user has uploaded, in no particular order."""
        for file in self._pages("files/", {"author": author}):
            yield cast(File, file)

    def get_file(self, file: str) -> File:
        return cast(File, self._get(path_of("files", file)))

    def read_file(self, file: str) -> bytes:
        """The bytes of a file."""
        buffer = io.BytesIO()
        self.save_file(file, buffer)
        return buffer.getvalue()

    def save_file(self, file: str, target: BinaryIO) -> int:
        """Writes the bytes of a file to an open one as they come, and returns their number."""
        return self._transport.download(path_of("files", file) + "file", target.write)

    # Events and webhooks

    def events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None, limit: int = 100, wait: int = 0) -> EventPage:
        """A page of the feed. Store its `cursor` together with what you made of its events."""
        path = "events/" + query_of({"after": after, "types": types, "limit": limit, "wait": wait or None})
        return cast(EventPage, (self._transport.call("GET", path, wait=wait)).data)

    def follow_events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None) -> Iterator[Event]:
        """The events after a cursor, without end. The `id` of each is a cursor: store it to go on after a restart.

        While the server cannot be reached it is asked again. A cursor that is too old raises `ChinwagError` 410.
        """
        pause = 1.0
        while True:
            try:
                page = self.events(after, types=types, wait=EVENTS_WAIT)
            except ChinwagError as error:
                if error.status not in (0, 429, 500, 502, 503, 504):
                    raise
                time.sleep(max(pause, error.retry_after or 0))
                pause = min(pause * 2, EVENTS_PAUSE)
                continue
            pause = 1.0
            for event in page["events"]:
                yield event
            after = page["cursor"]

    def create_webhook(self, url: str, *, types: Union[Sequence[str], Unset] = UNSET, secret: Union[str, Unset] = UNSET) -> Webhook:
        """Makes a webhook, for events from now on. The answer alone has a secret that the server makes."""
        return cast(Webhook, self._send("POST", "webhooks/", {"url": url, "types": types, "secret": secret}))

    def list_webhooks(self) -> List[Webhook]:
        return cast(List[Webhook], self._get("webhooks/"))

    def get_webhook(self, webhook: str) -> Webhook:
        return cast(Webhook, self._get(path_of("webhooks", webhook)))

    def change_webhook(
        self,
        webhook: str,
        *,
        url: Union[str, Unset] = UNSET,
        types: Union[Sequence[str], Unset] = UNSET,
        secret: Union[str, Unset] = UNSET,
    ) -> Webhook:
        payload = {"url": url, "types": types, "secret": secret}
        return cast(Webhook, self._send("PATCH", path_of("webhooks", webhook), payload, safe=True))

    def delete_webhook(self, webhook: str) -> None:
        self._send("DELETE", path_of("webhooks", webhook))

    def test_webhook(self, webhook: str) -> Attempt:
        """Sends a test event at once."""
        return cast(Attempt, self._send("POST", path_of("webhooks", webhook, "test")))

    def replay_webhook(self, webhook: str, after: str) -> Webhook:
        """Sends again the events after a cursor."""
        return cast(Webhook, self._send("POST", path_of("webhooks", webhook, "replay"), {"after": after}))

    def list_attempts(self, webhook: str) -> List[Attempt]:
        return cast(List[Attempt], self._get(path_of("webhooks", webhook, "attempts")))

    # The server

    def server_info(self) -> ServerInfo:
        return cast(ServerInfo, self._get("server/"))

    def _get(self, path: str, **query: Any) -> Any:
        return (self._transport.call("GET", path + query_of(query))).data

    def _send(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = False) -> Any:
        given = None if payload is None else {name: value for name, value in payload.items() if value is not UNSET}
        return (self._transport.call(method, path, given, safe=safe)).data

    def _pages(self, path: str, query: Mapping[str, Any], *, page: int = PAGE) -> Iterator[Any]:
        cursor: Optional[str] = None
        while True:
            answer = self._transport.call("GET", path + query_of({**query, "limit": page, "cursor": cursor}))
            for one in answer.data:
                yield one
            cursor = next_cursor(answer.headers)
            if cursor is None:
                return


def _rest(file: BinaryIO) -> int:
    """The number of bytes from where the file stands to its end."""
    at = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(at)
    return end - at
