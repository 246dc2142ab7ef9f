// A user who takes another name or is deleted, wherever the store names that user.

import { ROLES, removeMember } from "./group.js";

export function rename(store, from, to) {
  const renamed = (name) => (name === from ? to : name);
  store.me = renamed(store.me);
  if (store.current?.to === from) store.current.to = to;
  for (const item of store.pending) if (item.to) item.to = renamed(item.to);
  for (const group of store.groups.values()) {
    for (const role of ROLES) group[role] = group[role].map(renamed);
    for (const message of group.messages) message.author = renamed(message.author);
    for (const map of [group.reads, group.typing]) moveKey(map, from, to);
  }
  for (const set of store.relations.sets) if (set.delete(from)) set.add(to);
  moveKey(store.presence, from, to);
}

/** Memberships and relations go, and the messages stay in their places with nothing in them. */
export function forget(store, name) {
  for (const group of store.groups.values()) {
    removeMember(group, name);
    for (const message of group.messages) if (message.author === name) message.body = "";
    for (const map of [group.reads, group.typing]) map.delete(name);
  }
  for (const set of store.relations.sets) set.delete(name);
  store.presence.delete(name);
}

function moveKey(map, from, to) {
  if (!map.has(from)) return;
  map.set(to, map.get(from));
  map.delete(from);
}
