// Defines the element <chinwag-chat> shortly after the import. Does nothing where custom elements are not supported, as during
// server-side rendering.

if (globalThis.customElements) void import("./chinwag-chat.js");
