// One group as the page holds it: roles, messages in the order of their seq, what is read.

/** As many messages as the server puts in a snapshot or a page of history: fewer means that there are no older ones. */
const PAGE = 20;
export const ROLES = ["owner", "admins", "members", "restricts"];

export function newGroup(data, me) {
  const messages = inOrder(data.messages ?? []);
  const group = {
    id: data.id,
    messages,
    oldest: messages[0]?.seq ?? Infinity,
    complete: messages.length < PAGE,
    created: dateOfId(data.id),
    last_read_seq: data.last_read_seq ?? 0,
    reads: new Map(),
    typing: new Map(),
  };
  describe(group, data);
  group.unread = data.unread ?? countUnread(group, me);
  return group;
}

/** Takes the name and roles of a `group.update`, which says nothing of what this user has read. */
export function describe(group, data) {
  group.name = data.name;
  for (const role of ROLES) group[role] = data[role];
}

/** Puts a message where its seq says, once: the same message may come by several ways. */
export function receive(group, message, me) {
  const held = find(group, message.id);
  if (held) return Object.assign(held, message);
  // A resent message may be answered by an original older than what is loaded. Shown, it would hide the gap after it.
  if (!group.complete && message.seq < group.oldest) return;
  group.messages = inOrder([...group.messages, message]);
  group.oldest = Math.min(group.oldest, message.seq);
  if (isUnread(group, message, me)) group.unread += 1;
}

/** Adds a page of older messages, the answer to `message.fetch`. */
export function receiveHistory(group, history) {
  group.messages = inOrder([...history.filter(({ id }) => !find(group, id)), ...group.messages]);
  group.oldest = Math.min(group.oldest, ...history.map(({ seq }) => seq));
  group.complete = history.length < PAGE;
}

export function removeMessage(group, id, me) {
  const gone = find(group, id);
  if (!gone) return;
  group.messages = group.messages.filter((message) => message !== gone);
  for (const message of group.messages) if (message.respond_to === id) message.respond_to = null;
  if (isUnread(group, gone, me)) group.unread = Math.max(0, group.unread - 1);
}

export function removeMember(group, name) {
  for (const role of ROLES) group[role] = group[role].filter((each) => each !== name);
}

export function markRead(group, seq, me) {
  group.last_read_seq = Math.max(group.last_read_seq, seq);
  group.unread = countUnread(group, me);
}

export const find = (group, id) => group.messages.find((message) => message.id === id);
export const roleOf = (group, name) => ROLES.find((role) => group[role].includes(name));
export const isPrivate = (group) => group.name === "@";

const inOrder = (messages) => [...messages].sort((a, b) => a.seq - b.seq);
const isUnread = (group, message, me) => message.author !== me && message.seq > group.last_read_seq;
const countUnread = (group, me) => group.messages.filter((message) => isUnread(group, message, me)).length;

/** Version 7 ids begin with their time, which dates a group that has no message yet. */
function dateOfId(id) {
  const date = new Date(parseInt(id.replace("-", "").slice(0, 12), 16));
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
