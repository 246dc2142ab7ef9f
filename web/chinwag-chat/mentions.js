// Mentions in texts: their positions and their possible texts. No DOM here.

/** The mention of everyone in a group. */
export const EVERYONE = "@all";

const WORD = String.raw`[[\p{L}\p{N}_]--[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]]`;
/** A mention that is being typed, up to the caret. */
const TYPED = new RegExp(String.raw`(?<!${WORD})@([^@\n]{0,60})$`, "v");
const SYNTAX = /[\\^$.*+?()[\]{}|\/&\-!#%,:;<=>@`~]/gu;

/** The texts that mention a user: its display name, and its name. */
export const textsOf = (client, name) => (name === EVERYONE ? [EVERYONE] : [...new Set([`@${client.nameOf(name)}`, `@${name}`])]);

/** Whether a message mentions this user, who has not blocked its author. */
export function isMention({ client, me }, { author, mentions = [] }) {
  const isNamed = mentions.includes(me) || mentions.includes(EVERYONE);
  return isNamed && author !== me && !client.relations.blockeds.has(author);
}

/** The mention being typed at the end of a text: its start and the text after the `@`; null if there is none. */
export function typed(before) {
  const found = TYPED.exec(before);
  return found && { start: found.index, query: found[1] };
}

/**
 * The positions of mentions in a text, ascending: `{start, text, mention}`. `mentioned` are `{name, texts}`. If users share
 * a text, its occurrences are assigned to them in order.
 */
export function spans(text, mentioned) {
  if (!text.includes("@")) return [];
  const lower = text.toLowerCase();
  const users = new Map();
  /** As they are written: in small letters İ is two characters, which do not match it. */
  const written = new Set();
  for (const { name, texts } of mentioned) {
    for (const each of texts) {
      const small = each.toLowerCase();
      if (!lower.includes(small)) continue;
      users.set(small, [...(users.get(small) ?? []), name]);
      written.add(each);
    }
  }
  if (!users.size) return [];
  const longestFirst = [...written].sort((a, b) => b.length - a.length).map((each) => each.replace(SYNTAX, hex));
  const pattern = new RegExp(`(?<!${WORD})(?:${longestFirst.join("|")})(?!${WORD})`, "giv");
  return [...text.matchAll(pattern)].map(({ 0: found, index }) => {
    const names = users.get(found.toLowerCase()) ?? [];
    return { start: index, text: found, mention: names.length > 1 ? names.shift() : names[0] };
  }).filter(({ mention }) => mention);
}

/** Escapes a character for the pattern. */
const hex = (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
