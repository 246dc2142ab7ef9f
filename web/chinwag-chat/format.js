// The formatting of messages: a small subset of Markdown, as a tree. No DOM here. Every step is linear in the length
// of the text, and the depth is bounded.
//
//   **bold**   *italic* or _italic_   ~~struck~~   `code`   > quote   - item   1. item   ``` lines of code ```

import { addresses } from "./links.js";

const DEPTH_MOST = 3;
/** The maximum number of formats, links, mentions and list items in a text. The remainder is plain text. */
const PIECES_MOST = 300;
const KINDS = { "**": "strong", "*": "em", _: "em", "~~": "s" };
/** A text without any of these is plain text. */
const ANYTHING = /[`*_~]|^[ ]{0,3}(?:>|[-*] |\d{1,3}[.)] )|https?:|mailto:|www\./imu;
const FENCE = /^ {0,3}```([^`]*)$/u;
const QUOTE = /^ {0,3}>(?: |$)/u;
const ITEM = /^ {0,3}(?:[-*]|(\d{1,3})[.)]) +(?=\S)/u;
/** Scripts without spaces may have formats between letters. */
const IN_WORD = /[\p{L}\p{N}_]/u;
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const VISIBLE = /[\p{L}\p{N}\p{S}]/u;

/** Finds no mentions. */
const NONE = () => [];

/**
 * The blocks of a text: `{kind: "text", inside}`, `{kind: "pre", text}`, `{kind: "quote", blocks}` or
 * `{kind: "list", ordered, items: [{value, inside}]}`. `inside` are the parts of `inline`. `mentions` finds those in a text.
 */
export function blocks(text, mentions = NONE) {
  const isPlain = mentions === NONE && !ANYTHING.test(text);
  return isPlain ? [{ kind: "text", inside: [text] }] : read(text.split("\n"), 0, { mentions, left: PIECES_MOST });
}

/** @param budget finds the mentions, and counts the pieces that are left */
function read(lines, depth, budget) {
  const found = [];
  const fences = closingFences(lines);
  let plain = [];
  const end = () => {
    if (plain.length) found.push({ kind: "text", inside: inline(plain.join("\n"), budget.mentions, budget) });
    plain = [];
  };
  for (let at = 0; at < lines.length; ) {
    const run = (belongs, most = Infinity) => {
      let last = at;
      while (last < lines.length && last - at < most && belongs(lines[last])) last += 1;
      return lines.slice(at, last);
    };
    if (budget.left <= 0) {
      plain.push(...lines.slice(at));
      break;
    }
    if (fences[at] > at) {
      end();
      budget.left -= 1;
      found.push({ kind: "pre", text: lines.slice(at + 1, fences[at]).join("\n") });
      at = fences[at] + 1;
    } else if (depth < DEPTH_MOST && QUOTE.test(lines[at])) {
      end();
      budget.left -= 1;
      const quoted = run((line) => QUOTE.test(line));
      found.push({ kind: "quote", blocks: read(quoted.map((line) => line.replace(QUOTE, "")), depth + 1, budget) });
      at += quoted.length;
    } else if (ITEM.test(lines[at])) {
      end();
      const isNumbered = (line) => ITEM.exec(line)?.[1] !== undefined;
      const ordered = isNumbered(lines[at]);
      const items = run((line) => ITEM.test(line) && isNumbered(line) === ordered, budget.left);
      budget.left -= items.length;
      found.push({ kind: "list", ordered, items: items.map((line) => item(line, budget)) });
      at += items.length;
    } else {
      plain.push(lines[at]);
      at += 1;
    }
  }
  end();
  return found;
}

const item = (line, budget) => {
  const { 0: mark, 1: number } = ITEM.exec(line);
  return { value: number && Number(number), inside: inline(line.slice(mark.length), budget.mentions, budget) };
};

/** For each line that opens a fence, the line that closes it; else 0. */
function closingFences(lines) {
  const closes = new Array(lines.length).fill(0);
  let opened = -1;
  for (const [at, line] of lines.entries()) {
    const fence = FENCE.exec(line);
    if (!fence) continue;
    if (opened >= 0 && !fence[1].trim()) {
      closes[opened] = at;
      opened = -1;
    } else if (opened < 0) {
      opened = at;
    }
  }
  return closes;
}

/**
 * The parts of a text without blocks: strings, addresses `{text, href, host}`, mentions `{text, mention}`,
 * `{kind: "code", text}`, and `{kind, inside}` for `strong`, `em` and `s`.
 */
export function inline(text, mentions = NONE, budget = { left: PIECES_MOST }) {
  if (budget.left <= 0) return [text];
  const found = [];
  /** Open formats: `{mark, index, end}`; at most one per mark. */
  const begun = [];
  const links = [...addresses(text), ...mentions(text)].sort((a, b) => a.start - b.start);
  const codes = closingRuns(text);
  const marks = /`+|\*+|_+|~+/gu;
  let at = 0;
  const say = (until) => {
    if (until > at) found.push(text.slice(at, until));
    at = Math.max(at, until);
  };
  let mark = marks.exec(text);
  for (;;) {
    if (mark && mark.index < at) {
      marks.lastIndex = at;
      mark = marks.exec(text);
    }
    while (links[0]?.start < at) links.shift();
    const [link] = links;
    if ((!mark && !link) || budget.left <= 0) break;
    if (link && (!mark || link.start <= mark.index)) {
      say(link.start);
      found.push(link);
      budget.left -= 1;
      at += link.text.length;
      continue;
    }
    say(mark.index);
    const [run] = mark;
    const close = codes.get(at);
    at += run.length;
    if (close !== undefined) {
      budget.left -= 1;
      found.push({ kind: "code", text: unpadded(text.slice(at, close)) });
      at = close + run.length;
    } else if (run === "***") {
      const opens = edges(text, at - 3, at).opens;
      for (const each of opens ? ["**", "*"] : ["*", "**"]) budget.left -= format(text, each, at - 3, at, found, begun);
    } else {
      budget.left -= format(text, run, at - run.length, at, found, begun);
    }
  }
  say(text.length);
  return joined(found);
}

/** Merges adjacent texts. */
function joined(parts) {
  const found = [];
  for (const part of parts) {
    const isText = typeof part === "string" && typeof found[found.length - 1] === "string";
    if (isText) found[found.length - 1] += part;
    else found.push(part);
  }
  return found;
}

/** Ends or begins a format at a run of marks, or takes the run as text. Returns the number of formats that it ended. */
function format(text, mark, start, end, found, begun) {
  const { opens, closes } = edges(text, start, end);
  const at = begun.findLastIndex((each) => each.mark === mark);
  if (closes && at >= 0) {
    const { index, end: from } = begun[at];
    begun.length = at;
    if (VISIBLE.test(text.slice(from, start))) {
      const inside = found.splice(index).slice(1);
      found.push({ kind: KINDS[mark], inside: joined(inside) });
      return 1;
    }
  } else if (opens && KINDS[mark]) {
    if (at >= 0) begun.splice(at, 1);
    begun.push({ mark, index: found.length, end });
  }
  found.push(mark);
  return 0;
}

/** Whether a format may begin or end at a run of marks: only beside a word, never within it. */
function edges(text, start, end) {
  const before = text.slice(Math.max(0, start - 2), start).match(/.$/su)?.[0] ?? " ";
  const after = text.slice(end, end + 2).match(/^./su)?.[0] ?? " ";
  const isWord = (character) => IN_WORD.test(character) && !UNSPACED.test(character);
  return { opens: !isWord(before) && /\S/u.test(after), closes: /\S/u.test(before) && !isWord(after) };
}

/** For each run of backquotes, the next one of the same length. */
function closingRuns(text) {
  const closes = new Map();
  const next = new Map();
  for (const { 0: run, index } of [...text.matchAll(/`+/gu)].reverse()) {
    if (next.has(run.length)) closes.set(index, next.get(run.length));
    next.set(run.length, index);
  }
  return closes;
}

/** One blank at each end lets code begin with a backquote. */
const unpadded = (code) => (/^ .*\S.* $/su.test(code) ? code.slice(1, -1) : code);
