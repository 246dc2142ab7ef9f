// Language tags of browsers and pages.

/** A well-formed tag. For other forms such as `fr_FR` or a browser's `en-US@posix`, only the language. */
export function wellFormed(tag) {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? "en";
  } catch {
    return /^[a-z]{2,3}/iu.exec(tag)?.[0] ?? "en";
  }
}
