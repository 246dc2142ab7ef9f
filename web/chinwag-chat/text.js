// User text as nodes: formats and links, rendered by Lit from strings, never from markup.

import { html } from "../vendor/lit.js";
import { blocks } from "./format.js";
import { graphemes } from "./graphemes.js";

const SEPARATOR = /[,;،、]/u;
const SEPARATORS = /[,;،、]+/u;
/** The number of emoji that are shown large if a message has nothing else. */
const LARGE_MOST = 6;
/** A digit counts only with the emoji variation selector. */
const BEGINS_LIKE_EMOJI = /^(?![0-9#*](?!\ufe0f))\p{Emoji}/u;
/** Invisible characters at the beginning of a text. */
const UNSEEN = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\u3164\uffa0]+/u;
/** The maximum length of a real grapheme in code units. */
const GRAPHEME_MOST = 16;
/** The number of code units read for a preview. */
const PREVIEWED = 2_000;
/** Signs that touch a mention. */
const SIGNS_AFTER = /^[\p{P}\p{S}]{1,8}/u;
const SIGNS_BEFORE = /[\p{P}\p{S}]{1,8}$/u;

/** Messages longer than the first number of lines are collapsed to the second. */
const [LINES_MOST, LINES_FIRST] = [60, 40];
const FENCE = /^ {0,3}```/u;

/** A text as it is searched: case and accents make no difference. */
export const fold = (text) => text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase();

/** The first lines of a text of many lines; else all of it. */
export function beginning(text) {
  const lines = text.split("\n", LINES_MOST + 1);
  if (lines.length <= LINES_MOST) return text;
  const first = lines.slice(0, LINES_FIRST);
  const isInCode = first.filter((line) => FENCE.test(line)).length % 2 === 1;
  return [...first, ...(isInCode ? ["```"] : [])].join("\n");
}

/** A message as nodes. `find` finds its mentions, and `mention` renders them. */
export const formatted = (text, find, mention) => blocks(text, find).map((each) => block(each, mention));

/** Created lazily: compiling its thousands of sequences takes tens of milliseconds. */
let onlyEmoji = null;

/** Whether a message is a few emoji and nothing else. */
export function isEmojiOnly(text) {
  const trimmed = text.trim();
  if (text.length >= LARGE_MOST * 30 || !BEGINS_LIKE_EMOJI.test(trimmed)) return false;
  onlyEmoji ??= new RegExp(String.raw`^(?:\p{RGI_Emoji}\s*){1,${LARGE_MOST}}$`, "v");
  return onlyEmoji.test(trimmed);
}

function block({ kind, inside, text, blocks: quoted, ordered, items }, mention) {
  if (kind === "text") return inside.length === 1 && typeof inside[0] === "string" ? inside[0] : html`<span>${partsOf(inside, mention)}</span>`;
  if (kind === "pre") return html`<pre><code>${text}</code></pre>`;
  if (kind === "quote") return html`<blockquote>${quoted.map((each) => block(each, mention))}</blockquote>`;
  const lines = items.map((item) => (ordered ? html`<li value=${item.value}>${partsOf(item.inside, mention)}</li>` : html`<li>${partsOf(item.inside, mention)}</li>`));
  return ordered ? html`<ol role="list">${lines}</ol>` : html`<ul role="list">${lines}</ul>`;
}

/** The pieces of a line as nodes. A mention and adjacent punctuation stay on one line. */
function partsOf(pieces, mention) {
  const rest = [...pieces];
  const nodes = [];
  for (let piece = rest.shift(); piece !== undefined; piece = rest.shift()) {
    if (!piece.mention) {
      const before = typeof piece === "string" && rest[0]?.mention ? (SIGNS_BEFORE.exec(piece)?.[0] ?? "") : "";
      if (before) [piece, rest[0]] = [piece.slice(0, -before.length), { ...rest[0], before }];
      nodes.push(partOf(piece, mention));
      continue;
    }
    const { before = "" } = piece;
    const after = typeof rest[0] === "string" ? (SIGNS_AFTER.exec(rest[0])?.[0] ?? "") : "";
    if (after) rest[0] = rest[0].slice(after.length);
    nodes.push(before || after ? html`<span class="joined">${before}${mention(piece)}${after}</span>` : mention(piece));
  }
  return nodes;
}

function partOf(piece, mention) {
  if (typeof piece === "string") return piece;
  if (piece.href) return link(piece);
  if (piece.kind === "code") return html`<code>${piece.text}</code>`;
  const inside = partsOf(piece.inside, mention);
  if (piece.kind === "strong") return html`<strong>${inside}</strong>`;
  return piece.kind === "em" ? html`<em>${inside}</em>` : html`<s>${inside}</s>`;
}

/** The title is the complete URL that the browser will request. */
const link = ({ text, href, host }) =>
  html`<a href=${href} title=${href} dir="ltr" target="_blank" rel="noopener noreferrer nofollow">${text}</a>${host ? html` <bdi class="host">(${host})</bdi>` : ""}`;

/** The beginning of a text on one line, never split within a grapheme. */
export function shorten(text, most = 120) {
  const seen = text.replace(UNSEEN, "");
  const part = seen.slice(0, most * GRAPHEME_MOST);
  const characters = graphemes(part.replace(/\s+/gu, " ").trimEnd());
  // The last grapheme may be incomplete.
  if (part.length < seen.length) characters.pop();
  const isCut = part.length < seen.length || characters.length > most;
  return characters.slice(0, most).join("") + (isCut ? "…" : "");
}

/** The beginning of a message on one line, without the marks of its formats. */
export const preview = (text, most) => shorten(blocks(text.replace(UNSEEN, "").slice(0, PREVIEWED)).map(plain).join(" "), most);

function plain({ text, inside, blocks: quoted, items }) {
  if (text !== undefined) return text;
  if (quoted) return quoted.map(plain).join(" ");
  if (items) return items.map(plain).join(" ");
  return inside.map((each) => (typeof each === "string" ? each : plain(each))).join("");
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
