// The page at `/`: the chat in the reader's language, with the number of unread messages in the tab's title.

const chat = document.querySelector("chinwag-chat");
document.documentElement.lang = navigator.language.startsWith("fr") ? navigator.language : "en";
chat.lang = document.documentElement.lang;
chat.addEventListener("chinwag-unread", ({ detail: { count } }) => {
  document.title = count ? `(${count > 99 ? "99+" : count}) Chinwag` : "Chinwag";
});
