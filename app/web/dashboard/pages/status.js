/* Where a run stands, in a word: <${StatusTag} status="RUNNING" fraction=${0.4} /> */

import { percent, words } from "../lib/format.js";
import { html } from "../lib/html.js";

const KINDS = { SUCCEEDED: "good", FAILED: "bad", QUEUED: "active", RUNNING: "active" };

export function StatusTag({ status, fraction = null }) {
  const text =
    status === "RUNNING" && fraction > 0 ? `${words(status)} ${percent(fraction, 0)}` : words(status);
  return html`<span class="tag tag-${KINDS[status] ?? "plain"}">${text}</span>`;
}

export const isOver = (status) => !["QUEUED", "RUNNING"].includes(status);
