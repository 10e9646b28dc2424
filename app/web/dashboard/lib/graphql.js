/* Queries and mutations: POST to `graphql` beside the page.

   await request(QUERY, variables, { signal }) -> data; throws a Failure where there are errors.
   await requestAll(QUERY, variables, { signal }) -> the same, of a QUERY that takes $after and selects one list
   with { nodes {...} pageInfo { hasNextPage endCursor } }: with the nodes of all its pages.
   await upload(MUTATION, variables, { "variables.file": file }, { signal }) -> data, by the multipart request
   specification; the variables that files replace must be null.
   graphiqlLink(QUERY, variables) -> the address that opens the same in GraphiQL. */

import { Failure, FailureKind, failureOf, tokenNeeded, unreachable } from "./failure.js";
import { getToken } from "./token.js";

const ENDPOINT = new URL("graphql", new URL(".", document.baseURI));

export async function request(query, variables = {}, { signal } = {}) {
  const body = JSON.stringify({ query: compact(query), variables });
  return send(body, { "content-type": "application/json" }, signal);
}

export async function requestAll(query, variables = {}, options = {}) {
  const nodes = [];
  for (let after = null; ; ) {
    const [[name, page]] = Object.entries(await request(query, { ...variables, after }, options));
    nodes.push(...page.nodes);
    if (!page.pageInfo.hasNextPage) return { [name]: { nodes } };
    after = page.pageInfo.endCursor;
  }
}

export async function upload(query, variables, files, { signal } = {}) {
  const form = new FormData();
  form.set("operations", JSON.stringify({ query: compact(query), variables }));
  const paths = Object.keys(files);
  form.set("map", JSON.stringify(Object.fromEntries(paths.map((path, index) => [String(index), [path]]))));
  paths.forEach((path, index) => form.set(String(index), files[path], files[path].name));
  return send(form, {}, signal);
}

export function graphiqlLink(query, variables = {}) {
  const address = new URL(ENDPOINT);
  address.searchParams.set("query", dedent(query));
  if (Object.keys(variables).length)
    address.searchParams.set("variables", JSON.stringify(variables, null, 2));
  return address.href;
}

export function socketAddress() {
  const address = new URL(ENDPOINT);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

async function send(body, ownHeaders, signal) {
  const token = getToken();
  const headers = { accept: "application/json", "x-factorql-request": "1", ...ownHeaders };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  let response;
  let text;
  try {
    response = await fetch(ENDPOINT, { method: "POST", headers, body, signal });
    text = await response.text();
  } catch (reason) {
    if (signal?.aborted) throw reason;
    throw unreachable();
  }
  if (response.status === 401) throw tokenNeeded(token !== null);
  const result = parsed(text);
  if (result?.errors?.length) throw failureOf(result.errors, token !== null, result.data);
  if (!result?.data) {
    const said = text.trim().slice(0, 200);
    throw new Failure(FailureKind.REFUSED, `The server answered HTTP ${response.status} without a result.`, {
      hint: said || null,
    });
  }
  return result.data;
}

function parsed(text) {
  try {
    const result = JSON.parse(text);
    return typeof result === "object" ? result : null;
  } catch {
    return null;
  }
}

/** Without the indentation of the source: it would count as bytes of every request. */
function compact(query) {
  return query.replace(/\s+/g, " ").trim();
}

function dedent(query) {
  const lines = query.replace(/^\s*\n|\s+$/g, "").split("\n");
  const depth = Math.min(...lines.filter((line) => line.trim()).map((line) => line.match(/^ */)[0].length));
  return lines.map((line) => line.slice(depth)).join("\n");
}
