// The avatar of a person or a group: initials on a colour, and the dot of a contact's presence.

import { html, nothing } from "../vendor/lit.js";

const HUES = 8;

/** Decoration: a text beside it has the same content. */
export function face(name, { status, group = false, little = false } = {}) {
  const kinds = ["avatar", `hue-${hue(name)}`, group && "group", little && "little"].filter(Boolean).join(" ");
  const dot = status ? html`<span class="dot ${status}"></span>` : nothing;
  return html`<span class=${kinds} aria-hidden="true">${initials(name, group)}${dot}</span>`;
}

function initials(name, group) {
  const words = group ? name.split(/\s+/u).filter(Boolean).slice(0, 2) : [name];
  return words.map((word) => first(word).toUpperCase()).join("");
}

/** The first character as people count them: a flag or a family is one. */
function first(word) {
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
  return segments[Symbol.iterator]().next().value?.segment ?? "";
}

function hue(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % HUES;
}
