/* The API token, kept for this tab only (sessionStorage), and who wants to know when it changes.

   getToken(); setToken(text or null); onTokenChange(listener) -> stop. ErrorPanel asks the reader for it. */

const KEY = "factorql:token";
const changes = new EventTarget();

export function getToken() {
  return sessionStorage.getItem(KEY);
}

export function setToken(token) {
  const trimmed = token?.trim();
  if (trimmed) sessionStorage.setItem(KEY, trimmed);
  else sessionStorage.removeItem(KEY);
  changes.dispatchEvent(new Event("change"));
}

export function onTokenChange(listener) {
  changes.addEventListener("change", listener);
  return () => changes.removeEventListener("change", listener);
}
