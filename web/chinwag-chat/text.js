// User text. The only markup made of it are links with harmless schemes.

import { html } from "../vendor/lit.js";

const LINK = /\b(?:https?:\/\/|mailto:)[^\s<>"“”«»]+/giu;
const SEPARATOR = /[,;،、]/u;
const SEPARATORS = /[,;،、]+/u;
const SAFE = new Set(["http:", "https:", "mailto:"]);
const CLOSERS = { ")": "(", "]": "[", "}": "{" };

/** A text, split into strings and links `{text, href}`, in order. */
export function parts(text) {
  const found = [];
  let end = 0;
  for (const { 0: raw, index } of text.matchAll(LINK)) {
    const shown = withoutTail(raw);
    const href = safe(shown);
    if (!href) continue;
    if (index > end) found.push(text.slice(end, index));
    found.push({ text: shown, href });
    end = index + shown.length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

/** The same as nodes: Lit makes text nodes of strings, whatever they contain. */
export const linked = (text) =>
  parts(text).map((part) =>
    typeof part === "string"
      ? part
      : // The title has the whole address, with the host as the browser will request it.
        html`<a href=${part.href} title=${part.href} dir="ltr" target="_blank" rel="noopener noreferrer nofollow">${part.text}</a>`,
  );

/** The beginning of a text on one line, never cut within a character. */
export function shorten(text, most = 120) {
  const line = text.slice(0, most * 4).replace(/\s+/gu, " ").trim();
  const characters = [...line];
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : line;
}

/** A name as nodes that may break after each of its separators. */
export const withBreaks = (name) => name.split(/(?<=[@.:|_+-])/u).map((part, at) => (at ? html`<wbr>${part}` : part));

/**
 * Splits a list of names. No name contains white space, but one may contain a comma: `isName` decides whether the
 * text between two spaces is a name.
 */
export async function namesIn(text, isName) {
  const words = text.split(/\s+/u).map((word) => word.replace(/^[,;،、]+|[,;،、]+$/gu, ""));
  const split = async (word) => (!SEPARATOR.test(word) || (await isName(word)) ? [word] : word.split(SEPARATORS));
  return (await Promise.all(words.map(split))).flat().filter(Boolean);
}

function safe(text) {
  try {
    const url = new URL(text);
    return SAFE.has(url.protocol) && (url.hostname || url.pathname) ? url.href : null;
  } catch {
    return null;
  }
}

/** Punctuation after an address belongs to the sentence, and so does a bracket that was opened before it. */
function withoutTail(raw) {
  let text = raw;
  for (;;) {
    const last = text.at(-1);
    const opener = CLOSERS[last];
    const unpaired = opener && text.split(last).length > text.split(opener).length;
    if (!unpaired && !/[.,;:!?'’…*_]/u.test(last)) return text;
    text = text.slice(0, -1);
  }
}
