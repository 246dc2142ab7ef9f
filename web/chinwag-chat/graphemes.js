// Grapheme clusters: a flag or a family emoji is one.

/** A text in which each code unit is a grapheme. */
const PLAIN = /^[\x20-\x7e]*$/u;
/** Created lazily, because that takes milliseconds. */
let segmenter = null;

/** The graphemes of a text, in order. */
export function graphemes(text) {
  if (PLAIN.test(text)) return Array.from(text);
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
