// Characters as people count them: a flag or a family is one.

/** A text in which each code unit is such a character. */
const PLAIN = /^[\x20-\x7e]*$/u;
/** Made when it is first needed, since a browser takes milliseconds for it. */
let segmenter = null;

/** The characters of a text, in order. */
export function graphemes(text) {
  if (PLAIN.test(text)) return Array.from(text);
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
