// Keys for names that look alike: a small part of the skeletons of UTS 39. It covers case, accents, and Greek and Cyrillic
// letters that look like Latin ones, but no other script.

/** Capital letters that look like other letters than their lower-case forms do. */
const CAPITALS = new Map(Object.entries({ Α: "a", Β: "b", Ε: "e", Ζ: "z", Η: "h", Ι: "l", Κ: "k", Μ: "m", Ν: "n", Ο: "o", Ρ: "p", Τ: "t", Υ: "y", Χ: "x", В: "b", Н: "h", Ү: "y", Ӏ: "l" }));
const SMALL = new Map(
  Object.entries({
    ...{ а: "a", в: "b", г: "r", е: "e", к: "k", м: "m", н: "h", о: "o", п: "n", р: "p", с: "c", т: "t", у: "y", х: "x", ѕ: "s", і: "l", ј: "j", һ: "h", ү: "y", ԁ: "d", ԛ: "q", ԝ: "w", ӏ: "l", ѵ: "v" },
    ...{ α: "a", β: "b", γ: "y", ε: "e", η: "n", ι: "l", κ: "k", μ: "u", ν: "v", ο: "o", ρ: "p", σ: "o", ς: "c", τ: "t", υ: "u", χ: "x", ω: "w" },
    ...{ i: "l", ı: "l", "0": "o", "1": "l", "|": "l", ł: "l", ø: "o", đ: "d", ð: "d", ɡ: "g", æ: "ae", œ: "oe", ß: "ss" },
  }),
);
const UNSEEN = /[\p{M}\p{Default_Ignorable_Code_Point}\p{White_Space}]/gu;

/**
 * The key that similar looking texts share.
 * @param {string} text
 */
export function looks(text) {
  const plain = [...text.normalize("NFKD").replace(UNSEEN, "")].map((letter) => CAPITALS.get(letter) ?? letter).join("");
  const small = [...plain.toLowerCase()].map((letter) => SMALL.get(letter) ?? letter).join("");
  return small.replaceAll("rn", "m").replaceAll("vv", "w");
}
