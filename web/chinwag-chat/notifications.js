// Notifications of the browser: enabled by a click only, and shown while the conversation is not visible.

import { shorten } from "./text.js";

/** "none" if the browser has none here, else "ask", "on" or "denied". */
export function state() {
  const permission = globalThis.isSecureContext && globalThis.Notification?.permission;
  return { default: "ask", granted: "on", denied: "denied" }[permission] ?? "none";
}

export const ask = () => Notification.requestPermission();

/** Shows a notification for a message. A click on it opens the conversation. */
export function show(chat, group, message) {
  if (state() !== "on" || !(document.hidden || !document.hasFocus())) return;
  const { words } = chat;
  const name = message.author;
  const title = group.private ? words.say("notice.message", { name }) : words.say("notice.inGroup", { name, group: chat.title(group) });
  let notice;
  try {
    notice = new Notification(title, { body: shorten(message.body), tag: `chinwag-${group.id}`, lang: words.lang });
  } catch {
    // Some browsers accept them only from service workers.
    return;
  }
  notice.onclick = () => {
    window.focus();
    chat.open({ group: group.id });
    notice.close();
  };
}
