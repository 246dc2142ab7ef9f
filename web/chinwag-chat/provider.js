// Sign-in through a provider of OpenID Connect: the way there and back.

/** Where the fragment of the address waits while the browser is at the provider. */
const KEPT = "chinwag-fragment";
const FAILURES = ["declined", "expired", "unreachable", "refused", "suspended", "busy"];

/** The address at which a browser goes to the provider; "" where this page is not the server's own, to which it returns. */
export function providerAddress(chat) {
  const own = `${chat.client.server}/`;
  return chat.offer?.oidc && location.href.split(/[?#]/)[0] === own ? `${own}oidc/begin/` : "";
}

/** Goes to the provider. The place that the page shows is kept until the browser is back. */
export function leaveForProvider(address) {
  try {
    sessionStorage.setItem(KEPT, location.hash);
  } catch {
    // Then the page begins with its list.
  }
  location.assign(address);
}

/**
 * Reads how a sign-in at the provider ended, and removes that from the address: null if there was none, else `failure`, or
 * `isNew` with the `name` that the provider proposes.
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
