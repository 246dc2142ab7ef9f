// What is known of the server's state: groups, messages, contacts, presence. No DOM and no network here.

import * as groups from "./group.js";
import { forget, rename } from "./person.js";
import { Relations } from "./relations.js";

const TYPING_LASTS = 6_000;

export class Store {
  constructor(me) {
    this.me = me;
    this.groups = new Map();
    this.relations = new Relations();
    this.presence = new Map();
    /** Messages not acknowledged yet: {client_id, group or to, body, respond_to, error}. */
    this.pending = [];
    /** What is open: {group: id}, or {to: name} for a private conversation whose first message is not sent. */
    this.current = null;
  }

  /** Takes one frame from the server. Types not known here change nothing. */
  apply({ type, data }) {
    HANDLERS[type]?.(this, data);
  }

  get openGroup() {
    return this.groups.get(this.current?.group);
  }

  /** Groups, the one with the latest message first. */
  get conversations() {
    const latest = (group) => group.messages.at(-1)?.date ?? group.created;
    return [...this.groups.values()].sort((a, b) => (latest(a) < latest(b) ? 1 : -1));
  }

  /** The other person of a private group; undefined when that user is deleted. */
  other(group) {
    return [...group.members, ...group.restricts].find((name) => name !== this.me);
  }

  title(group) {
    return groups.isPrivate(group) ? (this.other(group) ?? "Deleted user") : group.name;
  }

  privateWith(name) {
    const same = (other) => other?.toLowerCase() === name.toLowerCase();
    return [...this.groups.values()].find((group) => groups.isPrivate(group) && same(this.other(group)));
  }

  /** "online", "afk" or "disconnected" of a contact; undefined of others, whose presence is their own affair. */
  presenceOf(name) {
    return this.relations.contacts.has(name) ? (this.presence.get(name) ?? "disconnected") : undefined;
  }

  typists(group) {
    const now = Date.now();
    return [...group.typing].filter(([, since]) => now - since < TYPING_LASTS).map(([name]) => name);
  }

  settle(clientId) {
    this.pending = this.pending.filter((item) => item.client_id !== clientId);
  }

  drop(groupId) {
    this.groups.delete(groupId);
    this.pending = this.pending.filter((item) => item.group !== groupId);
    if (this.current?.group === groupId) this.current = null;
  }

  add(group) {
    this.groups.set(group.id, group);
    // The other may be the first to write.
    if (this.current?.to && this.privateWith(this.current.to) === group) this.begun(group.id);
  }

  /** The first message has made a group of the open conversation. It stays the same object: what is open, stays. */
  begun(groupId) {
    delete this.current.to;
    this.current.group = groupId;
  }
}

const HANDLERS = {
  "group.summary"(store, summary) {
    const before = store.groups;
    store.groups = new Map();
    for (const data of summary) {
      const group = groups.newGroup(data, store.me);
      // Who has read what is told by events only, so it is carried over.
      group.reads = before.get(group.id)?.reads ?? group.reads;
      store.add(group);
    }
    for (const id of before.keys()) if (!store.groups.has(id)) store.drop(id);
  },

  "contact.summary"(store, summary) {
    store.relations = new Relations(summary);
    store.presence = new Map(Object.entries(summary.presence ?? {}));
  },

  "message.text"(store, message) {
    if (message.author === store.me) store.settle(message.client_id);
    const group = store.groups.get(message.group);
    if (!group) return;
    group.typing.delete(message.author);
    groups.receive(group, message, store.me);
  },

  "message.update"(store, message) {
    const group = store.groups.get(message.group);
    const held = group && groups.find(group, message.id);
    if (held) Object.assign(held, message);
  },

  "message.delete"(store, { id, group: groupId }) {
    const group = store.groups.get(groupId);
    if (group) groups.removeMessage(group, id, store.me);
  },

  "message.read"(store, { author, group: groupId, seq }) {
    const group = store.groups.get(groupId);
    if (!group) return;
    if (author === store.me) groups.markRead(group, seq, store.me);
    else group.reads.set(author, Math.max(seq, group.reads.get(author) ?? 0));
  },

  "message.fetch"(store, { group: groupId, history }) {
    const group = store.groups.get(groupId);
    if (group) groups.receiveHistory(group, history);
  },

  "group.update"(store, data) {
    if (!groups.roleOf(data, store.me)) return store.drop(data.id);
    const group = store.groups.get(data.id);
    if (!group) return store.add(groups.newGroup(data, store.me));
    groups.describe(group, data);
    for (const message of data.messages ?? []) groups.receive(group, message, store.me);
  },

  "group.quit"(store, { group: groupId, name }) {
    if (name === store.me) return store.drop(groupId);
    const group = store.groups.get(groupId);
    if (group) groups.removeMember(group, name);
  },

  "group.delete"(store, id) {
    store.drop(id);
  },

  "contact.update"(store, { author, name, operation }) {
    const mine = author === store.me;
    store.relations[operation]?.(mine ? name : author, mine);
  },

  "status.update"(store, { author, status }) {
    store.presence.set(author, status);
  },

  "typing.start"(store, { author, group }) {
    store.groups.get(group)?.typing.set(author, Date.now());
  },

  "typing.stop"(store, { author, group }) {
    store.groups.get(group)?.typing.delete(author);
  },

  "user.update"(store, { name, new_name }) {
    rename(store, name, new_name);
  },

  "user.delete"(store, { name }) {
    forget(store, name);
  },
};
