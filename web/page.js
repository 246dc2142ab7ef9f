// The page at `/`: the chat in the reader's language, with the number of unread messages in the tab's title.

import "./chinwag-chat.js";

const chat = document.querySelector("chinwag-chat");
document.documentElement.lang = navigator.language.startsWith("fr") ? navigator.language : "en";
chat.lang = document.documentElement.lang;
chat.addEventListener("chinwag-unread", ({ detail: { count } }) => {
  document.title = count ? `(${count > 99 ? "99+" : count}) Chinwag` : "Chinwag";
});

/** Caches the files of this page, so that it opens while the server is unreachable. */
async function keepFiles() {
  try {
    const { serviceWorker } = navigator;
    await serviceWorker.register(new URL("./worker.js", import.meta.url));
    const registration = await serviceWorker.ready;
    chat.worker = registration;
    const { active } = registration;
    // Parts that are loaded when they are first opened, with all that they import.
    await import("./chinwag-chat/emoji.js");
    await import("./chinwag-chat/gallery.js");
    const emoji = new URL(`./vendor/emoji/${navigator.language.startsWith("fr") ? "fr" : "en"}.js`, import.meta.url).href;
    const files = performance.getEntriesByType("resource").map(({ name }) => name);
    active.postMessage({ files: [location.href.split(/[?#]/)[0], emoji, ...files] });
  } catch {
    // Without the worker, the browser shows its own error.
  }
}

if (navigator.serviceWorker) {
  // A notification was clicked.
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (typeof data?.open === "string") location.hash = data.open;
  });
  if (document.readyState === "complete") keepFiles();
  else addEventListener("load", keepFiles);
}
