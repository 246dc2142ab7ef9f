// The avatar of a person or a group: a picture, or initials on a colour, and the dot of a contact's presence; and related
// elements.

import { html, nothing } from "../vendor/lit.js";
import { picture } from "./avatar.js";
import { graphemes } from "./graphemes.js";

const HUES = 8;

/**
 * Purely decorative: the text beside it has the same content. `group` is the id of a group, which keeps its colour when it is renamed,
 * or true for one without a colour, whose id is unknown.
 */
export function face(name, { status, profile, group = false, little = false, large = false } = {}) {
  const colour = group === true ? "plain" : `hue-${hue(group || name)}`;
  const kinds = ["avatar", colour, group && "group", little && "little", large && "large"].filter(Boolean).join(" ");
  const shown = profile?.display_name;
  const dot = status ? html`<span class="dot ${status}"></span>` : nothing;
  return html`<span class=${kinds} aria-hidden="true">${initials(shown ?? name, group || Boolean(shown))}${profile?.avatar ? picture(profile.avatar) : nothing}${dot}</span>`;
}

/** The avatar of a conversation: of the other user, of the user itself for notes, or of a group. `to` is set if there is no group yet. */
export function faceOf(chat, { group, to, title }) {
  const name = group?.notes ? chat.me : group ? group.other : to;
  const status = name === chat.me ? undefined : chat.statusOf(name);
  if (name) return face(name, { status, profile: chat.client.profileOf(name) });
  return face(title, group?.private === false ? { group: group.id, profile: { avatar: group.avatar } } : {});
}

/** The label of a bot. */
export const bot = (part, { kind }) => (kind === "bot" ? html`<span class="tag">${part.say("card.bot")}</span>` : nothing);

/** A user's name that opens its card. */
export function nameButton(part, name, content, tabindex = 0) {
  const open = () => part.chat.show({ card: name });
  return html`<button class="name bare" aria-haspopup="dialog" tabindex=${tabindex} @click=${open}><bdi>${content}</bdi></button>`;
}

function initials(name, several) {
  // Punctuation says nothing about a name, unless there is nothing else.
  const named = name.split(/\s+/u).map((word) => word.replace(/^\p{P}+/u, "")).filter(Boolean).slice(0, 2);
  const words = several && named.length ? named : [name.trim()];
  return words.map((word) => (graphemes(word)[0] ?? "").toUpperCase()).join("");
}


function hue(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % HUES;
}
