# Generated from async_client.py by make_sync.py: edit that file instead.

"""The clients: `Client`, and `Client` with the same methods."""

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


class Client:
    """The API of a Chinwag server with the service key, or with the token of a user.

    `url` is the server's address, with its path if it is below one. `timeout` is the maximum time for each step of a
    request, in seconds. A request that is refused with 429 is repeated after the delay that the server demands. Idempotent
    requests are also repeated after 503 and after a lost connection. `attempts` is the total number of attempts. Uploads and
    downloads are not repeated. Refused requests raise `ChinwagError`: "raises 404" means one with that `status`.
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
        """Closes the connections. Later calls raise `Unreachable`."""
        self._transport.close()

    def request(self, method: str, path: str, payload: Optional[Mapping[str, Any]] = None, *, safe: bool = False) -> Any:
        """Makes any request. `path` is relative to `/api/v1/`. With `safe` it is also repeated after 503 and a lost connection."""
        return (self._transport.call(method, path, payload, safe=safe)).data

    # Users and tokens

    def create_user(self, name: str) -> User:
        """Creates a user. Raises 400 if the name is taken."""
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
        """Creates a user, or changes its profile. Call it whenever somebody signs in to your application.

        Raises 409 if the name belongs to somebody who signed up in Chinwag (`adopt` takes that user over), or is another
        spelling of an existing name.
        """
        payload = {"display_name": display_name, "avatar": avatar, "data": data, "kind": kind, "adopt": adopt or UNSET}
        return cast(User, self._send("PUT", path_of("users", name), payload, safe=True))

    def get_user(self, name: str, fields: Sequence[str] = ("__all__",)) -> User:
        return cast(User, self._get(path_of("users", name), fields=fields))

    def find_users(self, names: Sequence[str], fields: Sequence[str] = ("__all__",)) -> List[User]:
        """Returns the existing users among at most 100 names, in this order."""
        # Names can contain commas.
        query = query_of({"fields": fields}) + "".join(f"&{query_of({'name': name})[1:]}" for name in names)
        return cast(List[User], self._get("users/" + query)) if names else []

    def list_users(self, fields: Sequence[str] = ("name",), q: Optional[str] = None) -> Iterator[User]:
        """Yields all users, or those whose name or display name begins with `q`."""
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
        """Changes the given keys. None clears one."""
        payload = {"display_name": display_name, "avatar": avatar, "data": data, "kind": kind, "settings": settings}
        return cast(User, self._send("PATCH", path_of("users", name), {"new_name": new_name, **payload}))

    def suspend_user(self, name: str, until: str, reason: Optional[str] = None) -> User:
        """Suspends a user until a date, such as `2026-12-24T18:00:00Z`: all its requests are refused, with the reason."""
        suspension = {"until": until, "reason": reason}
        return cast(User, self._send("PATCH", path_of("users", name), {"suspended": suspension}))

    def unsuspend_user(self, name: str) -> User:
        """Lifts the suspension of a user."""
        return cast(User, self._send("PATCH", path_of("users", name), {"suspended": None}))

    def set_admin(self, name: str, admin: bool) -> User:
        """Makes a user an admin of the server, or removes this right."""
        return cast(User, self._send("PATCH", path_of("users", name), {"admin": admin}))

    def get_settings(self) -> Dict[str, Any]:
        """Returns the settings in force by their keys. The value of a secret is True if it is set."""
        return cast(Dict[str, Any], self._get("settings/"))

    def delete_user(self, name: str) -> None:
        """Deletes a user with all its messages."""
        self._send("DELETE", path_of("users", name))

    def export_user(self, name: str, target: BinaryIO) -> int:
        """Writes all data of a user to an open file, as one ZIP file. Returns the number of bytes."""
        return self._transport.download(path_of("users", name, "export"), target.write)

    def create_token(self, name: str, ttl: Optional[int] = None, *, adopt: bool = False) -> Token:
        """Creates a token with which the user signs in. `ttl` is in seconds (by default `auth.session_ttl`, 30 days)."""
        payload = {"ttl": UNSET if ttl is None else ttl, "adopt": adopt or UNSET}
        return cast(Token, self._send("POST", path_of("users", name, "tokens"), payload))

    def delete_tokens(self, name: str) -> None:
        """Ends all sessions and tokens of a user."""
        self._send("DELETE", path_of("users", name, "tokens"))

    def sessions(self, name: str) -> List[UserSession]:
        """Returns the sessions and tokens of a user, the newest first."""
        return cast(List[UserSession], self._send("GET", path_of("users", name, "sessions")))

    def end_session(self, name: str, session: str) -> None:
        """Ends one session of a user."""
        self._send("DELETE", path_of("users", name, "sessions", session))

    def set_password(self, name: str, password: str) -> None:
        """Sets the password of a user who signed up in Chinwag, and ends all its sessions. Raises 409 for other users."""
        self._send("PUT", path_of("users", name, "password"), {"password": password}, safe=True)

    def create_key(self, scopes: Sequence[str], ttl: Optional[int] = None) -> Key:
        """Creates a key with some scopes (read, write, users, events, admin). Only this result contains the secret."""
        payload = {"scopes": list(scopes), "ttl": UNSET if ttl is None else ttl}
        return cast(Key, self._send("POST", "keys/", payload))

    def list_keys(self) -> List[Key]:
        return cast(List[Key], self._send("GET", "keys/"))

    def delete_key(self, key: str) -> None:
        self._send("DELETE", path_of("keys", key))

    # Relations

    def relate(self, author: str, name: str, operation: Operation) -> User:
        """Changes the relation of `author` to `name`. Mutual invitations make both users contacts."""
        contact = {"author": author, "name": name, "operation": operation}
        return cast(User, self._send("PATCH", path_of("users", author), {"contact": contact}))

    def has_blocked(self, author: str, target: str) -> bool:
        """Returns whether `target` has blocked `author`. Raises 404 if there is no such user."""
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
        """Creates a group owned by `author`. Its members need not accept. Messages are erased after `keep` days."""
        lists = {"admins": list(admins), "members": list(members), "restricts": list(restricts)}
        details = {"description": description, "avatar": avatar, "data": data, "open": open, "slow": slow, "keep": keep}
        return cast(Group, self._send("POST", "groups/", {"name": name, "author": author, **lists, **details}))

    def get_group(self, group: str, fields: Sequence[str] = ("__all__",), *, as_user: Optional[str] = None) -> Group:
        """Returns a group, with `as_user` as this user sees it."""
        return cast(Group, self._get(path_of("groups", group), fields=fields, **{"as": as_user}))

    def list_groups(self, fields: Sequence[str] = ("id", "name"), *, as_user: Optional[str] = None) -> Iterator[Group]:
        """Yields all groups, or those of a user."""
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
        """Adds users to the lists, and changes the name and details: with the rights of `author`, or else with all rights."""
        lists = {"admins": admins, "members": members, "restricts": restricts, "remove": remove, "ban": ban, "unban": unban}
        details = {"description": description, "avatar": avatar, "data": data, "open": open, "slow": slow, "keep": keep}
        payload = {"author": author, "name": name, "owner": UNSET if owner is UNSET else [owner], **lists, **details}
        return cast(Group, self._send("PATCH", path_of("groups", group), payload))

    def delete_group(self, group: str) -> None:
        self._send("DELETE", path_of("groups", group))

    def list_members(self, group: str, *, role: Optional[str] = None, q: Optional[str] = None) -> Iterator[Member]:
        """Yields the members of a group, or those whose name or display name begins with `q`."""
        for member in self._pages(path_of("groups", group, "members"), {"role": role, "q": q}):
            yield cast(Member, member)

    def join(self, group: str, author: str) -> Group:
        """Joins an open group in the name of `author`."""
        return cast(Group, self._send("POST", path_of("groups", group, "join"), {"author": author}, safe=True))

    def accept(self, group: str, author: str) -> Group:
        """Accepts a pending group in the name of `author`."""
        return cast(Group, self._send("POST", path_of("groups", group, "accept"), {"author": author}, safe=True))

    def leave(self, group: str, author: str) -> None:
        self._send("POST", path_of("groups", group, "quit"), {"author": author})

    def private(self, user: str, other: str) -> Group:
        """Returns the private group of two users, and creates it if there is none."""
        return cast(Group, self._send("PUT", "private/", {"users": [user, other]}, safe=True))

    def create_invite(
        self, group: str, *, uses: Optional[int] = 1, ttl: int = 7 * 86400, author: Union[str, Unset] = UNSET
    ) -> Invite:
        """Creates a code with which anyone can join a group. `uses` is the number of users, None for any; `ttl` is in seconds."""
        payload = {"uses": uses, "ttl": ttl, "author": author}
        return cast(Invite, self._send("POST", path_of("groups", group, "invites"), payload))

    def list_invites(self, group: str) -> List[Invite]:
        return cast(List[Invite], self._get(path_of("groups", group, "invites")))

    def delete_invite(self, group: str, code: str) -> None:
        self._send("DELETE", path_of("groups", group, "invites", code))

    # Read marks

    def mark_read(self, group: str, author: str, seq: int) -> ReadMark:
        """Moves a user's read mark to the newest message up to a number. It never moves back."""
        return cast(ReadMark, self._send("POST", path_of("groups", group, "read"), {"author": author, "seq": seq}, safe=True))

    def unread(self, user: str) -> Unread:
        """Returns the numbers of a user's unread messages and mentions, and of the groups with them, without muted groups."""
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
        attachments: Union[Sequence[Union[str, Attachment]], Unset] = UNSET,
        data: Union[Mapping[str, Any], Unset] = UNSET,
        date: Union[str, Unset] = UNSET,
    ) -> Message:
        """Sends a message exactly once: all attempts of a call have the same `client_id`, by default a random one.

        Pass your own `client_id` if you call this method again after a failure.
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
        """Yields the reports in a state, or all, the newest first."""
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
        """Yields the entries of the audit log with these values, the newest first. `date` is a day in UTC: `2026-11-29`."""
        filters = {"date": date, "actor": actor, "action": action, "target": target, "address": address}
        for entry in self._pages("audit/", filters):
            yield cast(AuditEntry, entry)

    def change_report(self, report: str, *, state: Union[str, Unset] = UNSET, note: Text = UNSET) -> Report:
        """Changes the state or the note of a report. Closing it erases its copy of the message."""
        return cast(Report, self._send("PATCH", path_of("reports", report), {"state": state, "note": note}))

    def delete_message(self, message: str) -> None:
        self._send("DELETE", path_of("messages", message))

    def list_messages(
        self, group: str, *, before: Union[int, str, None] = None, after: Union[int, str, None] = None, limit: int = 100,
        thread: Optional[Literal["none"]] = None, as_user: Optional[str] = None,
    ) -> List[Message]:
        """Returns at most 100 messages: the newest first, or with `after` (a number or a date) the oldest first."""
        query = {"before": before, "after": after, "limit": limit, "thread": thread, "as": as_user}
        return cast(List[Message], self._get(path_of("groups", group, "messages"), **query))

    def react(self, message: str, author: str, emoji: str, on: bool = True) -> Message:
        """Adds a reaction, or removes it."""
        path = path_of("messages", message, "reactions", emoji)
        return cast(Message, self._send("PUT" if on else "DELETE", path + query_of({"author": author}), safe=True))

    def pin(self, message: str, on: bool = True, *, author: Optional[str] = None) -> Message:
        """Pins a message, or unpins it."""
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
        """Yields the messages with all words of `q`, newest first. A request returns up to 100: stop when you have enough."""
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
        """Yields the files that a user has uploaded, in no particular order."""
        for file in self._pages("files/", {"author": author}):
            yield cast(File, file)

    def get_file(self, file: str) -> File:
        return cast(File, self._get(path_of("files", file)))

    def read_file(self, file: str) -> bytes:
        """Returns the content of a file."""
        buffer = io.BytesIO()
        self.save_file(file, buffer)
        return buffer.getvalue()

    def save_file(self, file: str, target: BinaryIO) -> int:
        """Writes the content of a file to an open file. Returns the number of bytes."""
        return self._transport.download(path_of("files", file) + "file", target.write)

    # Events and webhooks

    def events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None, limit: int = 100, wait: int = 0) -> EventPage:
        """Returns a page of the feed. The server waits up to `wait` seconds, at most 60, for an event.

        Store the `cursor` of the page together with the results of its events.
        """
        path = "events/" + query_of({"after": after, "types": types, "limit": limit, "wait": wait or None})
        return cast(EventPage, (self._transport.call("GET", path, wait=wait)).data)

    def follow_events(self, after: Optional[str] = None, *, types: Optional[Sequence[str]] = None) -> Iterator[Event]:
        """Yields the events after a cursor, without end. The `id` of each is a cursor: store it to continue after a restart.

        Retries with backoff while the server is unreachable or busy. Raises 410 if the cursor is too old.
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
        """Creates a webhook for future events. Without `secret` the server generates one, which only this result contains."""
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
        """Sends a test event at once, and returns the outcome."""
        return cast(Attempt, self._send("POST", path_of("webhooks", webhook, "test")))

    def replay_webhook(self, webhook: str, after: str) -> Webhook:
        """Sends the events after a cursor again."""
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
    """Returns the number of bytes from the current position of a file to its end."""
    at = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(at)
    return end - at
