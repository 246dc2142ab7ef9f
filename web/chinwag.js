// The client module: `import { Chinwag } from "https://chat.example/chinwag.js"`. chinwag.d.ts documents it; chinwag/
// implements it.

export { Chinwag, Chinwag as default } from "./chinwag/chat.js";
export { ChinwagError } from "./chinwag/error.js";

// Listed here as well, so that browsers request all parts at once rather than one after the other.
import "./chinwag/rest.js";
import "./chinwag/link.js";
import "./chinwag/store.js";
import "./chinwag/group.js";
import "./chinwag/listing.js";
import "./chinwag/counts.js";
import "./chinwag/people.js";
import "./chinwag/sync.js";
import "./chinwag/typing.js";
import "./chinwag/history.js";
import "./chinwag/reader.js";
import "./chinwag/draft.js";
import "./chinwag/outbox.js";
import "./chinwag/files.js";
import "./chinwag/transfer.js";
import "./chinwag/parcel.js";
import "./chinwag/outbox-storage.js";
import "./chinwag/database.js";
