"""The client. `AsyncClient` and `Client` have the same methods."""

import asyncio
import io
import os
import ssl
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, AsyncIterator, BinaryIO, Dict, List, Literal, Mapping, Optional, Sequence, Tuple, Type, Union, cast

from .errors import ChinwagError
from .transport import AsyncTransport, next_cursor, path_of, query_of
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


class AsyncClient:
    """The API of a Chinwag server with the service key, or with the token of a user.

    `url` is the server's address, with its path if it is below one. `timeout` bounds each step of a request, in seconds.
    A request that is refused with 429 is repeated after the time that the server asks for, and one that changes nothing, or
    may be made twice, also after 503 and a lost connection: `attempts` in all. Refusals raise `ChinwagError`.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 30, attempts: int = 4, context: Optional[ssl.SSLContext] = None
    ) -> None:
        self._transport = AsyncTransport(url, key, timeout=timeout, attempts=attempts, context=context)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def request(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = False) -> Any:
        """Any request: `path` is below `/api/v1/`. `safe`: it may be made twice."""
        return (await self._transport.call(method, path, payload, safe=safe)).data

    # Users and tokens

    async def create_user(self, name: str) -> User:
        """Makes a user; 400 if there is one of that name."""
        return cast(User, await self._send("POST", "users/", {"name": name}))

    async def put_user(
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
        return cast(User, await self._send("PUT", path_of("users", name), payload, safe=True))

    async def get_user(self, name: str, fields: Sequence[str] = ("__all__",)) -> User:
        return cast(User, await self._get(path_of("users", name), fields=fields))

    async def find_users(self, names: Sequence[str], fields: Sequence[str] = ("__all__",)) -> List[User]:
        """Users by name, those that there are, up to 100."""
        # A name may have a comma.
        query = query_of({"fields": fields}) + "".join(f"&{query_of({'name': name})[1:]}" for name in names)
        return cast(List[User], await self._get("users/" + query)) if names else []

    async def list_users(self, fields: Sequence[str] = ("name",), q: Optional[str] = None) -> AsyncIterator[User]:
        """All users, or those whose name or display name begins with `q`."""
        async for user in self._pages("users/", {"fields": fields, "q": q}):
            yield cast(User, user)

    async def change_user(
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
        return cast(User, await self._send("PATCH", path_of("users", name), {"new_name": new_name, **payload}))

    async def suspend_user(self, name: str, until: str, reason: Optional[str] = None) -> User:
        """Refuses what the user asks for until a date, such as `2026-12-24T18:00:00Z`, and tells it the reason."""
        suspension = {"until": until, "reason": reason}
        return cast(User, await self._send("PATCH", path_of("users", name), {"suspended": suspension}))

    async def unsuspend_user(self, name: str) -> User:
        """Lifts the suspension of a user."""
        return cast(User, await self._send("PATCH", path_of("users", name), {"suspended": None}))

    async def set_admin(self, name: str, admin: bool) -> User:
        """Names a user an admin of the server, or ends that."""
        return cast(User, await self._send("PATCH", path_of("users", name), {"admin": admin}))

    async def get_settings(self) -> Dict[str, Any]:
        """The settings in force, by their keys. A secret is true."""
        return cast(Dict[str, Any], await self._get("settings/"))

    async def delete_user(self, name: str) -> None:
        await self._send("DELETE", path_of("users", name))

    async def export_user(self, name: str, target: BinaryIO) -> int:
        """Writes all data of a user, one ZIP, to an open file as they come, and returns the number of bytes."""
        return await self._transport.download(path_of("users", name, "export"), target.write)

    async def create_token(self, name: str, ttl: Optional[int] = None, *, adopt: bool = False) -> Token:
        """A token with which the user signs in, for `ttl` seconds (by default `auth.session_ttl`, 30 days)."""
        payload = {"ttl": UNSET if ttl is None else ttl, "adopt": adopt or UNSET}
        return cast(Token, await self._send("POST", path_of("users", name, "tokens"), payload))

    async def delete_tokens(self, name: str) -> None:
        """Signs the user out everywhere."""
        await self._send("DELETE", path_of("users", name, "tokens"))

    async def sessions(self, name: str) -> List[UserSession]:
        """Where the user is signed in, the newest first."""
        return cast(List[UserSession], await self._send("GET", path_of("users", name, "sessions")))

    async def end_session(self, name: str, session: str) -> None:
        """Signs the user out in one place."""
        await self._send("DELETE", path_of("users", name, "sessions", session))

    async def set_password(self, name: str, password: str) -> None:
        """Sets the password of an account of Chinwag's own, and ends its sessions."""
        await self._send("PUT", path_of("users", name, "password"), {"password": password}, safe=True)

    async def create_key(self, scopes: Sequence[str], ttl: Optional[int] = None) -> Key:
        """A key that is good for some scopes (read, write, users, events, admin). The answer alone has the secret."""
        payload = {"scopes": list(scopes), "ttl": UNSET if ttl is None else ttl}
        return cast(Key, await self._send("POST", "keys/", payload))

    async def list_keys(self) -> List[Key]:
        return cast(List[Key], await self._send("GET", "keys/"))

    async def delete_key(self, key: str) -> None:
        await self._send("DELETE", path_of("keys", key))

    # Relations

    async def relate(self, author: str, name: str, operation: Operation) -> User:
        """Changes the relation of `author` to `name`. An invitation of somebody who has invited the author makes a contact."""
        contact = {"author": author, "name": name, "operation": operation}
        return cast(User, await self._send("PATCH", path_of("users", author), {"contact": contact}))

    async def has_blocked(self, author: str, target: str) -> bool:
        """Whether the target has blocked the author; 404 if there is no such user."""
        try:
            await self._send("POST", "relations/blocked/", {"author": author, "target": target}, safe=True)
        except ChinwagError as error:
            if error.status == 403:
                return True
            raise
        return False

    # Groups

    async def create_group(
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
        return cast(Group, await self._send("POST", "groups/", {"name": name, "author": author, **lists, **details}))

    async def get_group(self, group: str, fields: Sequence[str] = ("__all__",), *, as_user: Optional[str] = None) -> Group:
        """A group; as a user sees it with `as_user`."""
        return cast(Group, await self._get(path_of("groups", group), fields=fields, **{"as": as_user}))

    async def list_groups(self, fields: Sequence[str] = ("id", "name"), *, as_user: Optional[str] = None) -> AsyncIterator[Group]:
        """All groups, or those of a user."""
        async for group in self._pages("groups/", {"fields": fields, "as": as_user}):
            yield cast(Group, group)

    async def change_group(
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
        return cast(Group, await self._send("PATCH", path_of("groups", group), payload))

    async def delete_group(self, group: str) -> None:
        await self._send("DELETE", path_of("groups", group))

    async def list_members(self, group: str, *, role: Optional[str] = None, q: Optional[str] = None) -> AsyncIterator[Member]:
        async for member in self._pages(path_of("groups", group, "members"), {"role": role, "q": q}):
            yield cast(Member, member)

    async def join(self, group: str, author: str) -> Group:
        return cast(Group, await self._send("POST", path_of("groups", group, "join"), {"author": author}, safe=True))

    async def accept(self, group: str, author: str) -> Group:
        return cast(Group, await self._send("POST", path_of("groups", group, "accept"), {"author": author}, safe=True))

    async def leave(self, group: str, author: str) -> None:
        await self._send("POST", path_of("groups", group, "quit"), {"author": author})

    async def private(self, user: str, other: str) -> Group:
        """The private conversation of two users, made if there is none."""
        return cast(Group, await self._send("PUT", "private/", {"users": [user, other]}, safe=True))

    async def create_invite(
        self, group: str, *, uses: Optional[int] = 1, ttl: int = 7 * 86400, author: Union[str, Unset] = UNSET
    ) -> Invite:
        """A code with which anyone joins. `uses` None: any number of users."""
        payload = {"uses": uses, "ttl": ttl, "author": author}
        return cast(Invite, await self._send("POST", path_of("groups", group, "invites"), payload))

    async def list_invites(self, group: str) -> List[Invite]:
        return cast(List[Invite], await self._get(path_of("groups", group, "invites")))

    async def delete_invite(self, group: str, code: str) -> None:
        await self._send("DELETE", path_of("groups", group, "invites", code))

    # Read marks

    async def mark_read(self, group: str, author: str, seq: int) -> ReadMark:
        """Moves a user's read mark to the message of this number, or the one before. It never moves back."""
        return cast(ReadMark, await self._send("POST", path_of("groups", group, "read"), {"author": author, "seq": seq}, safe=True))

    async def unread(self, user: str) -> Unread:
        """How much a user has not read, over all groups."""
        return cast(Unread, await self._get("unread/", **{"as": user}))

    # Messages

    async def send_message(
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
        return cast(Message, await self._send("POST", "messages/", {**payload, **more, "date": date}, safe=True))

    async def get_message(self, message: str) -> Message:
        return cast(Message, await self._get(path_of("messages", message)))

    async def edit_message(self, message: str, body: str, *, mentions: Union[Sequence[str], Unset] = UNSET) -> Message:
        return cast(Message, await self._send("PATCH", path_of("messages", message), {"body": body, "mentions": mentions}, safe=True))

    async def report_message(self, message: str, author: str, reason: str) -> Report:
        """Reports a message in the name of a user."""
        payload = {"author": author, "reason": reason}
        return cast(Report, await self._send("POST", path_of("messages", message, "reports"), payload))

    async def list_reports(self, state: Optional[str] = None) -> AsyncIterator[Report]:
        """The reports in a state, or all, the newest first."""
        async for report in self._pages("reports/", {"state": state}):
            yield cast(Report, report)

    async def list_audit(
        self,
        *,
        date: Optional[str] = None,
        actor: Optional[str] = None,
        action: Optional[str] = None,
        target: Optional[str] = None,
        address: Optional[str] = None,
    ) -> AsyncIterator[AuditEntry]:
        """The entries of the audit log of a day in UTC (``2026-11-29``), and with these values, the newest first."""
        filters = {"date": date, "actor": actor, "action": action, "target": target, "address": address}
        async for entry in self._pages("audit/", filters):
            yield cast(AuditEntry, entry)

    async def change_report(self, report: str, *, state: Union[str, Unset] = UNSET, note: Text = UNSET) -> Report:
        """Changes the state or the note of a report. The text of the message is lost when it is closed."""
        return cast(Report, await self._send("PATCH", path_of("reports", report), {"state": state, "note": note}))

    async def delete_message(self, message: str) -> None:
        await self._send("DELETE", path_of("messages", message))

    async def list_messages(
        self, group: str, *, before: Union[int, str, None] = None, after: Union[int, str, None] = None, limit: int = 100,
        thread: Optional[Literal["none"]] = None, as_user: Optional[str] = None,
    ) -> List[Message]:
        """Up to 100 messages: newest first, or with `after` (a number or a date) oldest first."""
        query = {"before": before, "after": after, "limit": limit, "thread": thread, "as": as_user}
        return cast(List[Message], await self._get(path_of("groups", group, "messages"), **query))

    async def react(self, message: str, author: str, emoji: str, on: bool = True) -> Message:
        """Adds a reaction, or takes it off."""
        path = path_of("messages", message, "reactions", emoji)
        return cast(Message, await self._send("PUT" if on else "DELETE", path + query_of({"author": author}), safe=True))

    async def pin(self, message: str, on: bool = True, *, author: Optional[str] = None) -> Message:
        path = path_of("messages", message, "pin")
        return cast(Message, await self._send("PUT" if on else "DELETE", path + query_of({"author": author}), safe=True))

    async def search_messages(
        self,
        q: str,
        *,
        group: Optional[str] = None,
        author: Optional[str] = None,
        before: Optional[str] = None,
        after: Optional[str] = None,
        has: Optional[Literal["file", "link", "image"]] = None,
        as_user: Optional[str] = None,
    ) -> AsyncIterator[FoundMessage]:
        """The messages with all words of `q`, newest first. Stop when you have enough: each page is a request."""
        query = {"q": q, "group": group, "author": author, "before": before, "after": after, "has": has, "as": as_user}
        async for message in self._pages("messages/", query, page=100):
            yield cast(FoundMessage, message)

    # Files

    async def upload_file(self, source: Union[bytes, str, "os.PathLike[str]", BinaryIO], *, author: str, name: Optional[str] = None) -> File:
        """Uploads bytes, a file by its path, or an open file, in the name of `author`. Attach it within 24 hours."""
        if isinstance(source, (str, os.PathLike)):
            with open(source, "rb") as file:
                return await self.upload_file(file, author=author, name=name or Path(source).name)
        size = len(source) if isinstance(source, bytes) else _rest(source)
        path = "files/" + query_of({"name": name or "file", "author": author})
        return cast(File, (await self._transport.upload(path, source, size)).data)

    async def list_files(self, author: str) -> AsyncIterator[File]:
        """The files that a user has uploaded, in no particular order."""
        async for file in self._pages("files/", {"author": author}):
            yield cast(File, file)

    async def get_file(self, file: str) -> File:
        return cast(File, await self._get(path_of("files", file)))

    async def read_file(self, file: str) -> bytes:
        """The bytes of a file."""
        buffer = io.BytesIO()
        await self.save_file(file, buffer)
        return buffer.getvalue()

    async def save_file(self, file: str, target: BinaryIO) -> int:
        """Writes the bytes of a file to an open one as they come, and returns their number."""
        return await self._transport.download(path_of("files", file) + "file", target.write)

    # Events and webhooks

    async def events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None, limit: int = 100, wait: int = 0) -> EventPage:
        """A page of the feed. Store its `cursor` together with what you made of its events."""
        path = "events/" + query_of({"after": after, "types": types, "limit": limit, "wait": wait or None})
        return cast(EventPage, (await self._transport.call("GET", path, wait=wait)).data)

    async def follow_events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None) -> AsyncIterator[Event]:
        """The events after a cursor, without end. The `id` of each is a cursor: store it to go on after a restart.

        While the server cannot be reached it is asked again. A cursor that is too old raises `ChinwagError` 410.
        """
        pause = 1.0
        while True:
            try:
                page = await self.events(after, types=types, wait=EVENTS_WAIT)
            except ChinwagError as error:
                if error.status not in (0, 429, 500, 502, 503, 504):
                    raise
                await asyncio.sleep(max(pause, error.retry_after or 0))
                pause = min(pause * 2, EVENTS_PAUSE)
                continue
            pause = 1.0
            for event in page["events"]:
                yield event
            after = page["cursor"]

    async def create_webhook(self, url: str, *, types: Union[Sequence[str], Unset] = UNSET, secret: Union[str, Unset] = UNSET) -> Webhook:
        """Makes a webhook, for events from now on. The answer alone has a secret that the server makes."""
        return cast(Webhook, await self._send("POST", "webhooks/", {"url": url, "types": types, "secret": secret}))

    async def list_webhooks(self) -> List[Webhook]:
        return cast(List[Webhook], await self._get("webhooks/"))

    async def get_webhook(self, webhook: str) -> Webhook:
        return cast(Webhook, await self._get(path_of("webhooks", webhook)))

    async def change_webhook(
        self,
        webhook: str,
        *,
        url: Union[str, Unset] = UNSET,
        types: Union[Sequence[str], Unset] = UNSET,
        secret: Union[str, Unset] = UNSET,
    ) -> Webhook:
        payload = {"url": url, "types": types, "secret": secret}
        return cast(Webhook, await self._send("PATCH", path_of("webhooks", webhook), payload, safe=True))

    async def delete_webhook(self, webhook: str) -> None:
        await self._send("DELETE", path_of("webhooks", webhook))

    async def test_webhook(self, webhook: str) -> Attempt:
        """Sends a test event at once."""
        return cast(Attempt, await self._send("POST", path_of("webhooks", webhook, "test")))

    async def replay_webhook(self, webhook: str, after: str) -> Webhook:
        """Sends again the events after a cursor."""
        return cast(Webhook, await self._send("POST", path_of("webhooks", webhook, "replay"), {"after": after}))

    async def list_attempts(self, webhook: str) -> List[Attempt]:
        return cast(List[Attempt], await self._get(path_of("webhooks", webhook, "attempts")))

    # The server

    async def server_info(self) -> ServerInfo:
        return cast(ServerInfo, await self._get("server/"))

    async def _get(self, path: str, **query: Any) -> Any:
        return (await self._transport.call("GET", path + query_of(query))).data

    async def _send(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = False) -> Any:
        given = None if payload is None else {name: value for name, value in payload.items() if value is not UNSET}
        return (await self._transport.call(method, path, given, safe=safe)).data

    async def _pages(self, path: str, query: Mapping[str, Any], *, page: int = PAGE) -> AsyncIterator[Any]:
        cursor: Optional[str] = None
        while True:
            answer = await self._transport.call("GET", path + query_of({**query, "limit": page, "cursor": cursor}))
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
