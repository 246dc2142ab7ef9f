// The part of a text around search matches. No DOM here.

import { graphemes } from "./graphemes.js";

/** The maximum number of characters before the first mark, and in total. */
const BEFORE = 30;
const MOST = 180;
/** The maximum length that is split into graphemes, in Unicode scalar values. */
const SCANNED = 2_000;

/**
 * The parts of a text around its first mark, on one line: `{text, marked}`. Marks are `[start, length]` in Unicode scalar values,
 * ascending. Parts are never split within a grapheme.
 */
export function snippet(body, marks = []) {
  const scalars = Array.from(body);
  const [first = 0] = marks[0] ?? [];
  const from = Math.max(0, first - SCANNED / 2);
  const edges = boundaries(scalars.slice(from, from + SCANNED), from);
  const at = edges.findLastIndex((edge) => edge <= first);
  const start = wordStart(scalars, edges, Math.max(0, at - BEFORE), at);
  const [begin, end] = [edges[start], edges[Math.min(edges.length - 1, start + MOST)]];
  const parts = [];
  const add = (to, until, marked) => {
    const text = scalars.slice(to, until).join("").replace(/\s+/gu, " ");
    if (text) parts.push({ text, marked });
  };
  let last = begin;
  for (const [place, length] of marks) {
    const [to, until] = [Math.max(place, last), Math.min(place + length, end)];
    if (to >= until) continue;
    add(last, to, false);
    add(to, until, true);
    last = until;
  }
  add(last, end, false);
  if (begin > 0) parts.unshift({ text: "…", marked: false });
  if (end < scalars.length) parts.push({ text: "…", marked: false });
  return parts;
}

/** The boundaries of graphemes in scalar values, including both ends. */
function boundaries(scalars, from) {
  const found = [from];
  for (const character of graphemes(scalars.join(""))) found.push(found.at(-1) + Array.from(character).length);
  return found;
}

/** The beginning of a word at or after a boundary, or the boundary itself if no word begins before `limit`. */
function wordStart(scalars, edges, from, limit) {
  if (from === 0) return 0;
  for (let at = from; at < limit; at += 1) if (/\s/u.test(scalars[edges[at] - 1])) return at;
  return from;
}
