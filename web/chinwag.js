// The client module: `import { Chinwag } from "https://chat.example/chinwag.js"`. What it offers is written down in
// chinwag.d.ts; how it does it is in chinwag/.

export { Chinwag, Chinwag as default } from "./chinwag/chat.js";
export { ChinwagError } from "./chinwag/error.js";
