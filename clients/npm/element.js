// Defines the element <chinwag-chat>, a moment after the import. Where there are no elements, as in a server that renders pages,
// it does nothing.

if (globalThis.customElements) void import("./chinwag-chat.js");
