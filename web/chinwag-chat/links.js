// The addresses in a text. No DOM here.

/** Where an address ends: white space, quotation marks, the punctuation of other scripts, and invisible characters. */
const STOP = String.raw`\s<>"“”„«»‹›\x60|（）「」『』《》〈〉【】〔〕，。、！？：；،؟؛।۔\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff`;
const ADDRESS = new RegExp(
  String.raw`(?:(?<![A-Za-z0-9])(?:https?:\/\/|mailto:)|(?<![A-Za-z0-9@.\/-])www\.(?=[\p{L}\p{N}]))[^${STOP}]+`,
  "giu",
);
const SAFE = new Set(["http:", "https:", "mailto:"]);
const CLOSERS = { ")": "(", "]": "[", "}": "{" };
const FORMATTING = /[*_~]/u;

/**
 * The addresses of a text in order: `{start, text, href, host}`. `host` is the true one if the text suggests
 * another.
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

/** The host that is requested, if the typed one differs: a name before an `@`, or letters that look like others. */
function trueHost(shown, { protocol, host }) {
  const typed = shown.replace(/^https?:\/\//iu, "").split(/[/?#]/u)[0];
  return protocol === "mailto:" || typed.toLowerCase() === host ? "" : host;
}

/**
 * Punctuation after an address belongs to the sentence, and so does a bracket that was opened before it, and the end
 * of a format that begins right before it.
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
