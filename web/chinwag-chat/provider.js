// Sign-in through an OpenID Connect provider: leaving for it and returning.

/** The storage key of the URL's fragment while the browser is at the provider. */
const KEPT = "chinwag-fragment";
const FAILURES = ["declined", "expired", "unreachable", "refused", "suspended", "busy"];

/** The URL that leads to the provider; "" unless this is the server's own page, to which the browser returns. */
export function providerAddress(chat) {
  const own = `${chat.client.server}/`;
  return chat.offer?.oidc && location.href.split(/[?#]/)[0] === own ? `${own}oidc/begin/` : "";
}

/** Leaves for the provider. The current view is stored until the browser returns. */
export function leaveForProvider(address) {
  try {
    sessionStorage.setItem(KEPT, location.hash);
  } catch {
    // Without storage, the page starts with its list.
  }
  location.assign(address);
}

/**
 * Reads the result of a sign-in at the provider from the URL and removes it: null if there was none, else `failure`, or
 * `isNew` with the `name` proposed by the provider.
 */
export function returned() {
  const { searchParams, pathname, hash } = new URL(location.href);
  const outcome = searchParams.get("chinwag-sign-in");
  const kept = takeFragment();
  if (outcome || (kept && !hash)) history.replaceState(history.state, "", pathname + (hash || kept));
  if (outcome === "name") return { isNew: true, name: searchParams.get("chinwag-name") ?? "" };
  return FAILURES.includes(outcome) ? { failure: outcome } : null;
}

function takeFragment() {
  try {
    const kept = sessionStorage.getItem(KEPT) ?? "";
    sessionStorage.removeItem(KEPT);
    return kept;
  } catch {
    return "";
  }
}
