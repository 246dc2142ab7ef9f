"""The clients: `AsyncClient`, and `Client` with the same methods."""

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
    UNSET, Attachment, Attempt, AuditEntry, Event, EventPage, File, FoundMessage, Group, Invite, Key, Member, Message, Operation, ReadMark,
    Report, ServerInfo, Token, Unread, Unset, User, UserSession, Webhook,
)

Text = Union[str, None, Unset]
Data = Union[Mapping[str, Any], None, Unset]

#: The page size of methods that iterate over all pages.
PAGE = 500
#: The seconds for which the server holds a request for events, and the maximum pause after a failed one.
EVENTS_WAIT = 30
EVENTS_PAUSE = 30.0


class AsyncClient:
    """The API of a Chinwag server with the service key, or with the token of a user.

    `url` is the server's address, with its path if it is below one. `timeout` is the maximum time for each step of a
    request, in seconds. A request that is refused with 429 is repeated after the delay that the server demands. Idempotent
    requests are also repeated after 503 and after a lost connection. `attempts` is the total number of attempts. Uploads and
    downloads are not repeated. Refused requests raise `ChinwagError`: "raises 404" means one with that `status`.
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
        """Closes the connections. Later calls raise `Unreachable`."""
        await self._transport.close()

    async def request(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = False) -> Any:
        """Makes any request. `path` is relative to `/api/v1/`. With `safe` it is also repeated after 503 and a lost connection."""
        return (await self._transport.call(method, path, payload, safe=safe)).data

    # Users and tokens

    async def create_user(self, name: str) -> User:
        """Creates a user. Raises 400 if the name is taken."""
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
        """Creates a user, or changes its profile. Call it whenever somebody signs in to your application.

        Raises 409 if the name belongs to somebody who signed up in Chinwag (`adopt` takes that user over), or is another
        spelling of an existing name.
        """
        payload = {"display_name": display_name, "avatar": avatar, "data": data, "kind": kind, "adopt": adopt or UNSET}
        return cast(User, await self._send("PUT", path_of("users", name), payload, safe=True))

    async def get_user(self, name: str, fields: Sequence[str] = ("__all__",)) -> User:
        return cast(User, await self._get(path_of("users", name), fields=fields))

    async def find_users(self, names: Sequence[str], fields: Sequence[str] = ("__all__",)) -> List[User]:
        """Returns the existing users among at most 100 names, in this order."""
        # Names can contain commas.
        query = query_of({"fields": fields}) + "".join(f"&{query_of({'name': name})[1:]}" for name in names)
        return cast(List[User], await self._get("users/" + query)) if names else []

    async def list_users(self, fields: Sequence[str] = ("name",), q: Optional[str] = None) -> AsyncIterator[User]:
        """Yields all users, or those whose name or display name begins with `q`."""
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
        """Changes the given keys. None clears one."""
        payload = {"display_name": display_name, "avatar": avatar, "data": data, "kind": kind, "settings": settings}
        return cast(User, await self._send("PATCH", path_of("users", name), {"new_name": new_name, **payload}))

    async def suspend_user(self, name: str, until: str, reason: Optional[str] = None) -> User:
        """Suspends a user until a date, such as `2026-12-24T18:00:00Z`: all its requests are refused, with the reason."""
        suspension = {"until": until, "reason": reason}
        return cast(User, await self._send("PATCH", path_of("users", name), {"suspended": suspension}))

    async def unsuspend_user(self, name: str) -> User:
        """Lifts the suspension of a user."""
        return cast(User, await self._send("PATCH", path_of("users", name), {"suspended": None}))

    async def set_admin(self, name: str, admin: bool) -> User:
        """Makes a user an admin of the server, or removes this right."""
        return cast(User, await self._send("PATCH", path_of("users", name), {"admin": admin}))

    async def get_settings(self) -> Dict[str, Any]:
        """Returns the settings in force by their keys. The value of a secret is True if it is set."""
        return cast(Dict[str, Any], await self._get("settings/"))

    async def delete_user(self, name: str) -> None:
        """Deletes a user with all its messages."""
        await self._send("DELETE", path_of("users", name))

    async def export_user(self, name: str, target: BinaryIO) -> int:
        """Writes all data of a user to an open file, as one ZIP file. Returns the number of bytes."""
        return await self._transport.download(path_of("users", name, "export"), target.write)

    async def create_token(self, name: str, ttl: Optional[int] = None, *, adopt: bool = False) -> Token:
        """Creates a token with which the user signs in. `ttl` is in seconds (by default `auth.session_ttl`, 30 days)."""
        payload = {"ttl": UNSET if ttl is None else ttl, "adopt": adopt or UNSET}
        return cast(Token, await self._send("POST", path_of("users", name, "tokens"), payload))

    async def delete_tokens(self, name: str) -> None:
        """Ends all sessions and tokens of a user."""
        await self._send("DELETE", path_of("users", name, "tokens"))

    async def sessions(self, name: str) -> List[UserSession]:
        """Returns the sessions and tokens of a user, the newest first."""
        return cast(List[UserSession], await self._send("GET", path_of("users", name, "sessions")))

    async def end_session(self, name: str, session: str) -> None:
        """Ends one session of a user."""
        await self._send("DELETE", path_of("users", name, "sessions", session))

    async def set_password(self, name: str, password: str) -> None:
        """Sets the password of a user who signed up in Chinwag, and ends all its sessions. Raises 409 for other users."""
        await self._send("PUT", path_of("users", name, "password"), {"password": password}, safe=True)

    async def create_key(self, scopes: Sequence[str], ttl: Optional[int] = None) -> Key:
        """Creates a key with some scopes (read, write, users, events, admin). Only this result contains the secret."""
        payload = {"scopes": list(scopes), "ttl": UNSET if ttl is None else ttl}
        return cast(Key, await self._send("POST", "keys/", payload))

    async def list_keys(self) -> List[Key]:
        return cast(List[Key], await self._send("GET", "keys/"))

    async def delete_key(self, key: str) -> None:
        await self._send("DELETE", path_of("keys", key))

    # Relations

    async def relate(self, author: str, name: str, operation: Operation) -> User:
        """Changes the relation of `author` to `name`. Mutual invitations make both users contacts."""
        contact = {"author": author, "name": name, "operation": operation}
        return cast(User, await self._send("PATCH", path_of("users", author), {"contact": contact}))

    async def has_blocked(self, author: str, target: str) -> bool:
        """Returns whether `target` has blocked `author`. Raises 404 if there is no such user."""
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
        """Creates a group owned by `author`. Its members need not accept. Messages are erased after `keep` days."""
        lists = {"admins": list(admins), "members": list(members), "restricts": list(restricts)}
        details = {"description": description, "avatar": avatar, "data": data, "open": open, "slow": slow, "keep": keep}
        return cast(Group, await self._send("POST", "groups/", {"name": name, "author": author, **lists, **details}))

    async def get_group(self, group: str, fields: Sequence[str] = ("__all__",), *, as_user: Optional[str] = None) -> Group:
        """Returns a group, with `as_user` as this user sees it."""
        return cast(Group, await self._get(path_of("groups", group), fields=fields, **{"as": as_user}))

    async def list_groups(self, fields: Sequence[str] = ("id", "name"), *, as_user: Optional[str] = None) -> AsyncIterator[Group]:
        """Yields all groups, or those of a user."""
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
        """Adds users to the lists, and changes the name and details: with the rights of `author`, or else with all rights."""
        lists = {"admins": admins, "members": members, "restricts": restricts, "remove": remove, "ban": ban, "unban": unban}
        details = {"description": description, "avatar": avatar, "data": data, "open": open, "slow": slow, "keep": keep}
        payload = {"author": author, "name": name, "owner": UNSET if owner is UNSET else [owner], **lists, **details}
        return cast(Group, await self._send("PATCH", path_of("groups", group), payload))

    async def delete_group(self, group: str) -> None:
        await self._send("DELETE", path_of("groups", group))

    async def list_members(self, group: str, *, role: Optional[str] = None, q: Optional[str] = None) -> AsyncIterator[Member]:
        """Yields the members of a group, or those whose name or display name begins with `q`."""
        async for member in self._pages(path_of("groups", group, "members"), {"role": role, "q": q}):
            yield cast(Member, member)

    async def join(self, group: str, author: str) -> Group:
        """Joins an open group in the name of `author`."""
        return cast(Group, await self._send("POST", path_of("groups", group, "join"), {"author": author}, safe=True))

    async def accept(self, group: str, author: str) -> Group:
        """Accepts a pending group in the name of `author`."""
        return cast(Group, await self._send("POST", path_of("groups", group, "accept"), {"author": author}, safe=True))

    async def leave(self, group: str, author: str) -> None:
        await self._send("POST", path_of("groups", group, "quit"), {"author": author})

    async def private(self, user: str, other: str) -> Group:
        """Returns the private group of two users, and creates it if there is none."""
        return cast(Group, await self._send("PUT", "private/", {"users": [user, other]}, safe=True))

    async def create_invite(
        self, group: str, *, uses: Optional[int] = 1, ttl: int = 7 * 86400, author: Union[str, Unset] = UNSET
    ) -> Invite:
        """Creates a code with which anyone can join a group. `uses` is the number of users, None for any; `ttl` is in seconds."""
        payload = {"uses": uses, "ttl": ttl, "author": author}
        return cast(Invite, await self._send("POST", path_of("groups", group, "invites"), payload))

    async def list_invites(self, group: str) -> List[Invite]:
        return cast(List[Invite], await self._get(path_of("groups", group, "invites")))

    async def delete_invite(self, group: str, code: str) -> None:
        await self._send("DELETE", path_of("groups", group, "invites", code))

    # Read marks

    async def mark_read(self, group: str, author: str, seq: int) -> ReadMark:
        """Moves a user's read mark to the newest message up to a number. It never moves back."""
        return cast(ReadMark, await self._send("POST", path_of("groups", group, "read"), {"author": author, "seq": seq}, safe=True))

    async def unread(self, user: str) -> Unread:
        """Returns the numbers of a user's unread messages and mentions, and of the groups with them, without muted groups."""
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
        attachments: Union[Sequence[Union[str, Attachment]], Unset] = UNSET,
        data: Union[Mapping[str, Any], Unset] = UNSET,
        date: Union[str, Unset] = UNSET,
    ) -> Message:
        """Sends a message exactly once: all attempts of a call have the same `client_id`, by default a random one.

        Pass your own `client_id` if you call this method again after a failure.
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
        """Yields the reports in a state, or all, the newest first."""
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
        """Yields the entries of the audit log with these values, the newest first. `date` is a day in UTC: `2026-11-29`."""
        filters = {"date": date, "actor": actor, "action": action, "target": target, "address": address}
        async for entry in self._pages("audit/", filters):
            yield cast(AuditEntry, entry)

    async def change_report(self, report: str, *, state: Union[str, Unset] = UNSET, note: Text = UNSET) -> Report:
        """Changes the state or the note of a report. Closing it erases its copy of the message."""
        return cast(Report, await self._send("PATCH", path_of("reports", report), {"state": state, "note": note}))

    async def delete_message(self, message: str) -> None:
        await self._send("DELETE", path_of("messages", message))

    async def list_messages(
        self, group: str, *, before: Union[int, str, None] = None, after: Union[int, str, None] = None, limit: int = 100,
        thread: Optional[Literal["none"]] = None, as_user: Optional[str] = None,
    ) -> List[Message]:
        """Returns at most 100 messages: the newest first, or with `after` (a number or a date) the oldest first."""
        query = {"before": before, "after": after, "limit": limit, "thread": thread, "as": as_user}
        return cast(List[Message], await self._get(path_of("groups", group, "messages"), **query))

    async def react(self, message: str, author: str, emoji: str, on: bool = True) -> Message:
        """Adds a reaction, or removes it."""
        path = path_of("messages", message, "reactions", emoji)
        return cast(Message, await self._send("PUT" if on else "DELETE", path + query_of({"author": author}), safe=True))

    async def pin(self, message: str, on: bool = True, *, author: Optional[str] = None) -> Message:
        """Pins a message, or unpins it."""
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
        """Yields the messages with all words of `q`, newest first. A request returns up to 100: stop when you have enough."""
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
        """Yields the files that a user has uploaded, in no particular order."""
        async for file in self._pages("files/", {"author": author}):
            yield cast(File, file)

    async def get_file(self, file: str) -> File:
        return cast(File, await self._get(path_of("files", file)))

    async def read_file(self, file: str) -> bytes:
        """Returns the content of a file."""
        buffer = io.BytesIO()
        await self.save_file(file, buffer)
        return buffer.getvalue()

    async def save_file(self, file: str, target: BinaryIO) -> int:
        """Writes the content of a file to an open file. Returns the number of bytes."""
        return await self._transport.download(path_of("files", file) + "file", target.write)

    # Events and webhooks

    async def events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None, limit: int = 100, wait: int = 0) -> EventPage:
        """Returns a page of the feed. The server waits up to `wait` seconds, at most 60, for an event.

        Store the `cursor` of the page together with the results of its events.
        """
        path = "events/" + query_of({"after": after, "types": types, "limit": limit, "wait": wait or None})
        return cast(EventPage, (await self._transport.call("GET", path, wait=wait)).data)

    async def follow_events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None) -> AsyncIterator[Event]:
        """Yields the events after a cursor, without end. The `id` of each is a cursor: store it to continue after a restart.

        Retries with backoff while the server is unreachable or busy. Raises 410 if the cursor is too old.
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
        """Creates a webhook for future events. Without `secret` the server generates one, which only this result contains."""
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
        """Sends a test event at once, and returns the outcome."""
        return cast(Attempt, await self._send("POST", path_of("webhooks", webhook, "test")))

    async def replay_webhook(self, webhook: str, after: str) -> Webhook:
        """Sends the events after a cursor again."""
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
    """Returns the number of bytes from the current position of a file to its end."""
    at = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(at)
    return end - at
