// The URLs in a text. No DOM here.

/** Characters that end a URL: white space, quotation marks, punctuation of other scripts, and invisible characters. */
const STOP = String.raw`\s<>"“”„«»‹›\x60|（）「」『』《》〈〉【】〔〕，。、！？：；،؟؛।۔\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff`;
const ADDRESS = new RegExp(
  String.raw`(?:(?<![A-Za-z0-9])(?:https?:\/\/|mailto:)|(?<![A-Za-z0-9@.\/-])www\.(?=[\p{L}\p{N}]))[^${STOP}]+`,
  "giu",
);
const SAFE = new Set(["http:", "https:", "mailto:"]);
const CLOSERS = { ")": "(", "]": "[", "}": "{" };
const FORMATTING = /[*_~]/u;

/**
 * The URLs of a text in order: `{start, text, href, host}`. `host` is the real host if the text suggests another one.
 */
export function addresses(text) {
  const found = [];
  for (const { 0: raw, index } of text.matchAll(ADDRESS)) {
    const shown = withoutTail(raw, text[index - 1]);
    const url = safe(shown);
    if (url) found.push({ start: index, text: shown, href: url.href, host: trueHost(shown, url) });
  }
  return found;
}

function safe(text) {
  try {
    const url = new URL(/^www\./iu.test(text) ? `https://${text}` : text);
    const complete = url.protocol === "mailto:" ? url.pathname.includes("@") : url.hostname;
    return SAFE.has(url.protocol) && complete ? url : null;
  } catch {
    return null;
  }
}

/** The real host, if the displayed text suggests another one: a name before an `@`, or letters that look like others. */
function trueHost(shown, { protocol, host }) {
  const typed = shown.replace(/^https?:\/\//iu, "").split(/[/?#]/u)[0];
  return protocol === "mailto:" || typed.toLowerCase() === host ? "" : host;
}

/**
 * Removes trailing characters that belong to the sentence: punctuation, a bracket opened before the URL, or the end of a
 * format that begins right before it.
 */
function withoutTail(raw, before = "") {
  const counts = {};
  for (const character of raw) counts[character] = (counts[character] ?? 0) + 1;
  let end = raw.length;
  for (; end > 0; end -= 1) {
    const last = raw[end - 1];
    const opener = CLOSERS[last];
    const unpaired = opener && counts[last] > (counts[opener] ?? 0);
    const formats = last === before && FORMATTING.test(last);
    if (!unpaired && !formats && !/[.,;:!?'’…]/u.test(last)) break;
    counts[last] -= 1;
  }
  return raw.slice(0, end);
}
