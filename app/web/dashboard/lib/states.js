/* What a view shows when it has nothing to show yet, nothing at all, or a failure; and what labels its data.

   <${Loading} label="Loading runs" rows=${6} />     grey lines, after a moment, so that quick answers do not flicker
   <${Empty} title="No runs yet">text and links<//>
   <${ErrorPanel} failure=${failure} retry=${reload} />   asks for the API token where the server does
   <${Loaded} query=${useQuery(...)} label="runs">${(data) => html`...`}<//>   the three of them in one
   <${SyntheticNotice} datasets=${[dataset, ...]} />   (fields: label synthetic) a strip where any is synthetic
   <${DatasetLabel} dataset=${dataset} />   its label, marked where synthetic; null = imported, or none by origin=
   <${Notice} kind="info|warn|bad" title="...">text<//> */

import { html, useEffect, useId, useState } from "./html.js";
import { FailureKind } from "./failure.js";
import { NONE } from "./format.js";
import { getToken, setToken } from "./token.js";

export function Loading({ label = "Loading", rows = 5 }) {
  return html`<div class="loading" role="status" aria-live="polite">
    <span class="visually-hidden">${label}…</span>
    ${Array.from({ length: rows }, () => html`<span class="loading-line" aria-hidden="true"></span>`)}
  </div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty">
    <p class="empty-title">${title}</p>
    ${children && html`<div class="empty-text">${children}</div>`}
  </div>`;
}

export function Notice({ kind = "info", title = null, children }) {
  return html`<div class="notice notice-${kind}" role=${kind === "bad" ? "alert" : "note"}>
    ${title && html`<p class="notice-title">${title}</p>`}
    ${children && html`<div>${children}</div>`}
  </div>`;
}

export function ErrorPanel({ failure, retry = null }) {
  if (failure.kind === FailureKind.TOKEN) return html`<${TokenForm} failure=${failure} />`;
  return html`<${Notice} kind="bad" title=${failure.message}>
    ${failure.hint && html`<p>${failure.hint}</p>`}
    ${failure.errors.slice(1, 4).map((error) => html`<p>${error.message}</p>`)}
    ${retry && html`<button type="button" class="button" onClick=${retry}>Try again</button>`}
  <//>`;
}

function TokenForm({ failure }) {
  const id = useId();
  const [text, setText] = useState("");
  const keep = (event) => {
    event.preventDefault();
    setToken(text);
  };
  return html`<form class="notice notice-info token-form" onSubmit=${keep}>
    <p class="notice-title">${failure.message}</p>
    <label for=${id}>API token, kept in this tab until it is closed</label>
    <div class="row">
      <input
        id=${id}
        type="password"
        autocomplete="off"
        required
        value=${text}
        aria-invalid=${getToken() !== null}
        onInput=${(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button button-primary">Use token</button>
    </div>
  </form>`;
}

/** Loading, failure or content; old content stays, dimmed, while the next loads. */
export function Loaded({ query, label = "data", rows = 5, children }) {
  const { data, failure, loading, reload } = query;
  if (failure) return html`<${ErrorPanel} failure=${failure} retry=${reload} />`;
  if (data === null) return html`<${Delayed}><${Loading} label="Loading ${label}" rows=${rows} /><//>`;
  return html`<div class=${loading ? "is-stale" : "is-fresh"} aria-busy=${loading}>${children(data)}</div>`;
}

function Delayed({ children }) {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), 120);
    return () => clearTimeout(timer);
  }, []);
  return due ? children : html`<div class="loading-space" aria-hidden="true"></div>`;
}

export function SyntheticNotice({ datasets }) {
  const labels = [...new Set(datasets.filter((dataset) => dataset?.synthetic).map(({ label }) => label))];
  if (!labels.length) return null;
  return html`<p class="synthetic-notice" role="note">
    <strong class="tag tag-synthetic">Synthetic</strong>
    <span>${labels.join(", ")}: made up by a program, these numbers say nothing about a market.</span>
  </p>`;
}

export function DatasetLabel({ dataset, origin = "IMPORTED" }) {
  if (!dataset) return origin === "IMPORTED" ? html`<span class="tag">imported</span>` : NONE;
  const name = dataset.label.replace(/ \(synthetic\)$/, "");
  return html`<span class="dataset-label">
    ${name} ${dataset.synthetic && html`<span class="tag tag-synthetic">synthetic</span>`}
  </span>`;
}
