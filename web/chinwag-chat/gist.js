// A summary of a message for lists and quotes: the beginning of its text, or its kinds of files. No DOM here.

import { preview } from "./text.js";

const KINDS = ["image", "video", "audio"];

/** Whether a message has neither a text nor files, because it was deleted. */
export const isGone = ({ body, attachments = [] }) => !body && !attachments.length;

/** Empty if the message was deleted. */
export function gist(words, message, most) {
  const { body = "", attachments = [] } = message;
  const text = body && preview(body, most);
  if (text || !attachments.length) return text;
  const [first] = attachments;
  if (attachments.length > 1) return words.say("files.count", { count: attachments.length });
  return words.say(`files.${kindOf(first)}`, { name: first.alt ? preview(first.alt, most) : first.name });
}

/** The pictures of messages, in order: `{file, message}`. */
export const picturesOf = (messages) => messages.flatMap((message) => message.attachments.filter((file) => kindOf(file) === "image").map((file) => ({ file, message })));

/** The announcement of a message: its text and its kinds of files. */
export function heard(words, message) {
  const { body, attachments = [] } = message;
  return attachments.length && body ? `${gist(words, { attachments })}. ${body}` : body || gist(words, message);
}

/** "image", "video", "audio", or "file" for all others. */
export function kindOf({ type = "", thumbnail }) {
  const kind = KINDS.find((each) => type.startsWith(`${each}/`)) ?? "file";
  // The server makes thumbnails of all images that browsers may display.
  return kind === "image" && thumbnail === null ? "file" : kind;
}

/** The longest name that is shown in place of a bot's, in code units. */
const ALIAS = 160;

/** The name that an incoming hook gave to a message; empty without one. */
export const aliasOf = ({ data }) => (typeof data?.username === "string" && data.username.length <= ALIAS ? data.username.trim() : "");
