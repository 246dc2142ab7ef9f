// The page's service worker: it keeps the files of the page, so that it opens while the server cannot be reached. What
// the server answers about conversations is never kept here.

const CACHE = "chinwag-page";
/** Paths whose answers change. */
const LIVE = /^(api|chat|docs|healthz|readyz|metrics)(\/|$)/;
const FILES_MOST = 100;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => event.waitUntil(keep(event.data.files.slice(0, FILES_MOST))));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && isFile(url)) event.respondWith(answer(event.request));
});

function isFile(url) {
  const { scope } = self.registration;
  return url.startsWith(scope) && !LIVE.test(url.slice(scope.length));
}

/** The server's answer, or the kept one if there is none. */
async function answer(request) {
  try {
    const response = await fetch(request);
    // A proxy answers in place of a server that is down.
    if (response.status < 502 || response.status > 504) return response;
    return (await kept(request)) ?? response;
  } catch (error) {
    const found = await kept(request);
    if (found) return found;
    throw error;
  }
}

async function kept(request) {
  const cache = await caches.open(CACHE);
  return cache.match(request, { ignoreSearch: true, ignoreVary: true });
}

/** Keeps these files, and drops those of earlier versions once all are here. */
async function keep(files) {
  const cache = await caches.open(CACHE);
  const wanted = files.filter(isFile);
  await Promise.all(wanted.map((file) => cache.add(file)));
  for (const request of await cache.keys()) if (!wanted.includes(request.url)) await cache.delete(request);
}
