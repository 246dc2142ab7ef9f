// The IndexedDB databases of this page.

import { within } from "./rest.js";

const OPEN_WITHIN = 5_000;

/**
 * Opens a database. Rejects where the browser keeps none.
 * @param {string} name
 * @param {(database: IDBDatabase) => void} make makes the stores of a new one
 * @returns {Promise<IDBDatabase>}
 */
export async function openDatabase(name, make) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => make(request.result);
  const database = await within(answerOf(request), OPEN_WITHIN);
  // Otherwise a tab with a later version could not upgrade it, nor the user delete it.
  database.onversionchange = () => database.close();
  return database;
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export function answerOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
