// The REST calls that the page makes. A refusal becomes an ApiError that carries the server's own words.

import { inWords, Refusal } from "./words.js";

export class ApiError extends Refusal {
  constructor(status, problem) {
    super(inWords(problem));
    this.status = status;
    this.fields = problem.errors ?? [];
  }
}

async function call(method, path, payload) {
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      headers: payload ? { "Content-Type": "application/json" } : {},
      body: payload && JSON.stringify(payload),
    });
  } catch {
    throw new ApiError(0, { detail: "The server cannot be reached." });
  }
  // Not every answer has a body, and one from a proxy in between need not be JSON.
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

export const signUp = (name, password) => call("POST", "accounts/", { name, password });
export const signIn = (name, password) => call("POST", "sessions/", { name, password });
export const signOut = () => call("DELETE", "sessions/");

/** The name of the signed-in user, or null when nobody is. */
export async function whoAmI() {
  try {
    return (await call("GET", "sessions/")).name;
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}
