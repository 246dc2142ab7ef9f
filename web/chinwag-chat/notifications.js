// Browser notifications: enabled only by a click, and shown while the conversation is not visible.

import { gist } from "./gist.js";
import { isMention } from "./mentions.js";

const OFF = "chinwag:notifications-off";
/** A message that is read elsewhere within this time in ms needs no notification. */
const HOLD = 1_000;
/** The time in ms for which one tab claims the notification of a message. */
const CLAIM = 10_000;

/** Whether the browser has rejected a notification by this page. */
let isRefused = false;

/** "none" if unsupported, else "ask", "on", "off" or "denied". */
export function state() {
  const permission = globalThis.isSecureContext && globalThis.Notification?.permission;
  const found = (!isRefused && { default: "ask", granted: "on", denied: "denied" }[permission]) || "none";
  return found === "on" && isOff() ? "off" : found;
}

/** Turns them on or off in this browser. The browser asks the user the first time. */
export async function turn(chat, on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  } catch {
    // Without storage, only the browser's permission counts.
  }
  if (on && Notification.permission === "default") await Notification.requestPermission();
  await push(chat);
}

/**
 * Subscribes to push while notifications are on, and unsubscribes otherwise. Only on the page whose service worker shows
 * them. Call it at each start, because browsers lose subscriptions.
 */
export async function push(chat) {
  const { worker, client, offer } = chat;
  if (worker) isRefused = false;
  if (!worker?.pushManager || !offer?.push) return;
  try {
    if (state() === "on") await client.subscribePush(worker);
    else await client.unsubscribePush(worker);
    chat.pushed = state() === "on" ? "pushed" : "";
  } catch (error) {
    // The page still shows its own notifications.
    chat.pushed = error instanceof DOMException ? "unpushed" : "";
  }
  chat.tell();
}

/** The notifications that this page itself shows, by group: `{client, notice, seq}`. */
const own = new Map();

/** Closes notifications of what is read by now: this page's own, also of groups that have gone, and those that were pushed. */
export async function closeRead(chat) {
  for (const [group, { client, notice, seq }] of own) {
    if (client === chat.client && (client.groups.get(group.id) !== group || seq <= group.lastRead)) notice.close();
  }
  const shown = (await chat.worker?.getNotifications?.()) ?? [];
  for (const notice of shown) {
    const group = chat.client.groups.get(notice.data?.group);
    if (group && notice.data.seq <= group.lastRead) notice.close();
  }
}

/** The message per group that is about to be shown: many at once, as after an absence, give one notification. */
const held = new WeakMap();

/** Whether the user wants to be notified of a message. */
export function isWanted(chat, group, message) {
  if (group.muted || chat.client.relations.blockeds.has(message.author)) return false;
  return group.settings.notify !== "mentions" || isMention(chat, message);
}

/** Shows a notification for a message, in one tab alone, unless the message is read meanwhile. */
export async function show(chat, group, message) {
  if (!isWanted(chat, group, message)) return;
  if (state() !== "on" || isInFront() || isPushed(chat)) return;
  const before = held.get(group);
  // Prefer the newest message, but mentions over others.
  if (!before || isMention(chat, message) || !isMention(chat, before)) held.set(group, message);
  if (before) return;
  await pause(HOLD);
  const newest = held.get(group);
  held.delete(group);
  const isRead = newest.seq <= group.lastRead || chat.client.groups.get(group.id) !== group;
  if (isRead || state() !== "on" || isInFront()) return;
  if (!navigator.locks) return notify(chat, group, newest);
  await navigator.locks.request(`chinwag message ${newest.id}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    notify(chat, group, newest);
    await pause(CLAIM);
  });
}

/** A click opens the conversation, through the service worker if that shows the notification. */
async function notify(chat, group, message) {
  const { words } = chat;
  const name = chat.called(message.author);
  const where = isMention(chat, message) ? "notice.mention" : "notice.inGroup";
  const title = group.private ? words.say("notice.message", { name }) : words.say(where, { name, group: chat.title(group) });
  // One notification per conversation; each new message alerts again.
  const icons = `${chat.client.server}/assets/icons`;
  const look = { lang: words.lang, icon: `${icons}/192.png`, badge: `${icons}/badge.png` };
  const options = { body: gist(words, message), tag: `chinwag-${group.id}`, renotify: true, ...look };
  let notice;
  try {
    notice = new Notification(title, options);
  } catch {
    // Android accepts them only from service workers.
    const data = { group: group.id, seq: message.seq, thread: message.thread };
    isRefused = !(await chat.worker?.showNotification(title, { ...options, data }).then(() => true, () => false));
    if (isRefused) chat.tell();
    return;
  }
  own.set(group, { client: chat.client, notice, seq: message.seq });
  notice.onclose = () => own.get(group)?.notice === notice && own.delete(group);
  notice.onclick = async () => {
    window.focus();
    notice.close();
    // The group may have been removed since.
    const isOpen = await chat.visit(group.id);
    if (isOpen && message.thread) chat.openThread(message.thread, { seq: message.seq });
  };
}

function isOff() {
  try {
    return localStorage.getItem(OFF) !== null;
  } catch {
    return false;
  }
}

/** Whether the server pushes to this browser, which it does while the user is not online. */
const isPushed = (chat) => chat.pushed === "pushed" && chat.client.statusOf(chat.me) !== "online";
const isInFront = () => !document.hidden && document.hasFocus();
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
