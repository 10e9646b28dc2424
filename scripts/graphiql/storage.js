/* The browser storage GraphiQL writes to, minus what must not be kept. */

const HISTORY_KEYS = ["queries", "favorites"];

/**
 * localStorage, except that GraphiQL's query history is kept without headers: they may hold the API token,
 * and GraphiQL would store them there even while its "persist headers" setting is off.
 */
export function historyWithoutHeaders() {
  return {
    getItem: (key) => localStorage.getItem(key),
    setItem: (key, value) => localStorage.setItem(key, isHistory(key) ? withoutHeaders(value) : value),
    removeItem: (key) => localStorage.removeItem(key),
    clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
    get length() {
      return ownKeys().length;
    },
  };
}

function ownKeys() {
  return Object.keys(localStorage).filter((key) => key.startsWith("graphiql:"));
}

function isHistory(key) {
  return HISTORY_KEYS.some((name) => key === `graphiql:${name}`);
}

function withoutHeaders(value) {
  return JSON.stringify(JSON.parse(value, (key, item) => (key === "headers" ? undefined : item)));
}
