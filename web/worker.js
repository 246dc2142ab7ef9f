// The page's service worker: it caches the page's files, so that the page opens while the server is unreachable. It never
// caches answers about conversations.

const CACHE = "chinwag-page";
/** Paths whose answers change. */
const LIVE = /^(api|chat|docs|oidc|healthz|readyz|metrics)(\/|$)/;
const FILES_MOST = 100;
/** A cached file is used if the server has not answered within this time in ms. */
const PATIENCE = 4_000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => event.waitUntil(keep(event.data.files)));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && isFile(url)) event.respondWith(answer(event.request));
});

function isFile(url) {
  const { scope } = self.registration;
  return url.startsWith(scope) && !LIVE.test(url.slice(scope.length));
}

/** The server's answer, or the cached one if there is none in time. */
async function answer(request) {
  try {
    const asked = fetch(request);
    const response = await Promise.race([asked, late(request, asked)]);
    // A proxy answers in place of a server that is down.
    if (response.status < 502 || response.status > 504) return response;
    return (await kept(request)) ?? response;
  } catch (error) {
    const found = await kept(request);
    if (found) return found;
    throw error;
  }
}

/** The cached answer after a while; without one, the server's. */
async function late(request, asked) {
  await new Promise((resolve) => setTimeout(resolve, PATIENCE));
  return (await kept(request)) ?? asked;
}

async function kept(request) {
  const cache = await caches.open(CACHE);
  return cache.match(request, { ignoreSearch: true, ignoreVary: true });
}

/** Caches these files, and drops those of earlier versions once all are cached. */
async function keep(files) {
  const cache = await caches.open(CACHE);
  const wanted = files.filter(isFile).slice(0, FILES_MOST);
  await Promise.all(wanted.map((file) => cache.add(file)));
  for (const request of await cache.keys()) if (!wanted.includes(request.url)) await cache.delete(request);
}

// ── Notifications ──

self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

/** Replaces a text that the server withholds. */
const NEW = { en: "New message", fr: "Nouveau message" };
const COLON = { en: ":", fr: "\u00a0:" };

/** Shows a notification for each push, since browsers cancel subscriptions that show none. Each conversation has at most one. */
async function show(data) {
  const { group, seq, title, author, body } = read(data);
  const lang = navigator.language.startsWith("fr") ? "fr" : "en";
  const text = body && author && author !== title ? `${author}${COLON[lang]} ${body}` : body;
  const tag = group ? `chinwag-${group}` : "chinwag";
  const look = { icon: "assets/icons/192.png", badge: "assets/icons/badge.png" };
  await self.registration.showNotification(title || "Chinwag", { body: text || NEW[lang], tag, renotify: true, ...look, data: { group, seq } });
}

function read(data) {
  try {
    return data.json() ?? {};
  } catch {
    return {};
  }
}

/** Opens the conversation, in a page that is open if there is one. */
async function open({ group, thread } = {}) {
  const place = group ? `#${group}${thread ? `/thread/${thread}` : ""}` : "";
  const { scope } = self.registration;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find(({ url }) => url.split(/[?#]/)[0] === scope);
  if (!page) return self.clients.openWindow(scope + place);
  page.postMessage({ open: place });
  return page.focus();
}
