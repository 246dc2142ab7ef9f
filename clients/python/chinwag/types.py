"""The objects of the API, as dictionaries. Optional keys can be missing, and so can keys that `fields` does not list."""

import enum
from typing import Any, Dict, List, Literal, Optional, TypedDict


class Unset(enum.Enum):
    """Marks a missing key where `None` would clear it."""

    UNSET = 0


UNSET = Unset.UNSET

Status = Literal["online", "afk", "disconnected"]
Operation = Literal["invitation", "contact", "deny", "remove", "block"]
Role = Literal["owner", "admin", "member", "restrict"]


class FieldError(TypedDict):
    field: str
    detail: str


class User(TypedDict, total=False):
    name: str
    display_name: Optional[str]
    avatar: Optional[str]
    data: Optional[Dict[str, Any]]
    kind: Literal["person", "bot"]
    created: str
    status: Status
    last_seen: Optional[str]
    origin: Literal["account", "host"]
    contacts: List[str]
    blockeds: List[str]
    blocked_by: List[str]
    invitations: List[str]
    invited_by: List[str]
    groups: List[str]
    presence: Dict[str, Status]
    admin: bool
    suspended: Optional[Dict[str, Any]]
    files: Dict[str, int]
    settings: Dict[str, Any]


class AuditEntry(TypedDict):
    id: str
    date: str
    actor: Optional[str]
    action: str
    target: Optional[str]
    address: Optional[str]
    detail: Optional[str]


class Report(TypedDict, total=False):
    id: str
    message: str
    group: str
    author: Optional[str]
    reporter: Optional[str]
    body: Optional[str]
    reason: Optional[str]
    state: Literal["open", "resolved", "dismissed"]
    note: Optional[str]
    date: str


class Token(TypedDict):
    name: str
    token: str
    expires: str


class Key(TypedDict, total=False):
    id: str
    scopes: List[str]
    created: str
    expires: Optional[str]
    key: str


class UserSession(TypedDict):
    id: str
    created: Optional[str]
    last_used: Optional[str]
    expires: str
    agent: Optional[str]
    address: Optional[str]
    current: bool


class File(TypedDict):
    id: str
    name: str
    type: str
    size: int
    width: Optional[int]
    height: Optional[int]
    thumbnail: Optional[Dict[str, Any]]
    alt: Optional[str]


class Attachment(TypedDict):
    """A file to attach, with a text for those who cannot see or hear it."""

    id: str
    alt: Optional[str]


class Message(TypedDict, total=False):
    id: str
    group: str
    author: str
    date: str
    body: str
    respond_to: Optional[str]
    seq: int
    edited: Optional[str]
    client_id: str
    mentions: List[str]
    reactions: Dict[str, Dict[str, Any]]
    thread: Optional[str]
    replies: Optional[Dict[str, Any]]
    pinned: bool
    attachments: List[File]
    data: Optional[Dict[str, Any]]


class FoundMessage(Message):
    """A message that matches a search. `marks` are the matches in `body`: position and number of characters."""

    marks: List[List[int]]


class Group(TypedDict, total=False):
    id: str
    name: str
    description: Optional[str]
    avatar: Optional[str]
    data: Optional[Dict[str, Any]]
    open: bool
    slow: int
    keep: Optional[int]
    owner: List[str]
    admins: List[str]
    members: List[str]
    restricts: List[str]
    members_count: int
    pending: List[str]
    banned: List[str]
    messages: List[Message]
    pins: List[str]
    head: int
    me: Dict[str, Any]
    reads: Dict[str, int]
    last_read: Optional[str]
    last_read_seq: Optional[int]
    unread: int


class Member(TypedDict):
    name: str
    role: Role
    since: str
    read: Optional[int]
    pending: bool


class ReadMark(TypedDict):
    """The last message read. Before the first `seq` is 0 and `date` is `None`."""

    group: str
    seq: int
    date: Optional[str]


class Unread(TypedDict):
    unread: int
    mentioned: int
    groups: int


class Invite(TypedDict):
    code: str
    expires: str
    uses: Optional[int]


class Event(TypedDict, total=False):
    """A committed change. Its `id` is also a cursor."""

    id: str
    type: str
    date: str
    seq: int
    data: Any


class EventPage(TypedDict):
    events: List[Event]
    cursor: str


class Webhook(TypedDict, total=False):
    id: str
    url: str
    types: List[str]
    created: str
    secret: str


class Attempt(TypedDict):
    event: str
    date: str
    status: Optional[int]
    error: Optional[str]
    ms: int


class ServerInfo(TypedDict, total=False):
    version: str
    history: str
    signup: bool
    limits: Dict[str, Any]
    messages: Dict[str, Any]
    files: Optional[Dict[str, Any]]
    features: List[str]
    oidc: Optional[Dict[str, Any]]
    push: bool
    emoji: str
