// How a contact's presence looks: a dot for the eye and a word for everyone.

import { el } from "./dom.js";

const WORDS = { online: "online", afk: "away", disconnected: "offline" };

export const presenceWord = (status) => WORDS[status] ?? "";

export function presenceDot(status) {
  return WORDS[status] ? el("span", { class: `dot ${status}`, "aria-hidden": "true" }) : null;
}
