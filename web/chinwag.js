// The client module: `import { Chinwag } from "https://chat.example/chinwag.js"`. What it offers is written down in
// chinwag.d.ts; how it does it is in chinwag/.

export { Chinwag, Chinwag as default } from "./chinwag/chat.js";
export { ChinwagError } from "./chinwag/error.js";

// Named here, too, so that browsers ask for all parts at once rather than one after the other.
import "./chinwag/rest.js";
import "./chinwag/link.js";
import "./chinwag/store.js";
import "./chinwag/group.js";
import "./chinwag/people.js";
import "./chinwag/sync.js";
import "./chinwag/typing.js";
import "./chinwag/history.js";
import "./chinwag/reader.js";
import "./chinwag/outbox.js";
import "./chinwag/drawer.js";
