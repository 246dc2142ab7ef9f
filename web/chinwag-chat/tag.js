// Language tags of browsers and pages.

/** A tag as formats take it. Of one in another form, such as `fr_FR` or a browser's `en-US@posix`, it is the language alone. */
export function wellFormed(tag) {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? "en";
  } catch {
    return /^[a-z]{2,3}/iu.exec(tag)?.[0] ?? "en";
  }
}
