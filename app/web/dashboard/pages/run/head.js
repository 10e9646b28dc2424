/* What run this is, where it stands, and what can be done with it. */

import { titleParts } from "../../lib/factors.js";
import { day, duration, moment, momentLong, plural } from "../../lib/format.js";
import { html, useEffect } from "../../lib/html.js";
import { DatasetLabel, Notice } from "../../lib/states.js";
import { launchLink } from "../launch/values.js";
import { StatusTag } from "../status.js";

export function RunHead({ run, title = null, link }) {
  const [name, detail] = title ? [title, null] : titleParts(run);
  useEffect(() => {
    document.title = `${name} run · FactorQL`;
  }, [name]);
  return html`<div class="page-head">
    <div>
      <h1>${name} ${detail && html`<span class="title-detail">${detail}</span>`}</h1>
      <p class="page-detail facts-line">
        <${StatusTag} status=${run.status} />
        ${
          (run.dataset || run.origin === "IMPORTED") &&
          html`<span><${DatasetLabel} dataset=${run.dataset} /></span>`
        }
        ${run.performance?.numPeriods > 0 && html`<span>${spanText(run.performance)}</span>`}
        ${run.finishedAt && html`<span title=${momentLong(run.finishedAt)}>${finishedText(run)}</span>`}
        ${run.legacyRunId && html`<span>known before as <code>${run.legacyRunId}</code></span>`}
        ${run.tags.map((tag) => html`<span class="tag" key=${tag}>${tag}</span>`)}
      </p>
      ${run.note && html`<p class="page-detail">${run.note}</p>`}
    </div>
    <div class="page-actions">
      ${
        run.config &&
        html`<a
          class="button"
          href=${launchLink(run.factor.name, run.config, run.dataset?.id ?? null)}
          title="Open the launch form with these options"
        >
          Launch again
        </a>`
      }
      <a class="button" href=${link} title="Open the query of this page in GraphiQL">Query in GraphiQL</a>
    </div>
  </div>`;
}

function spanText({ startDate, endDate, numPeriods }) {
  return `${day(startDate)} – ${day(endDate)}, ${plural(numPeriods, "period")}`;
}

function finishedText({ finishedAt, durationMs }) {
  return `finished ${moment(finishedAt)}${durationMs === null ? "" : ` in ${duration(durationMs)}`}`;
}

export function FailureNotice({ run }) {
  if (run.status === "CANCELED") {
    return html`<${Notice} kind="warn" title="This run was canceled"><p>It has no results.</p><//>`;
  }
  if (!run.failure) return null;
  return html`<${Notice} kind="bad" title="This run failed">
    <p>${run.failure.message}</p>
    <p class="muted">
      <code>${run.failure.code}</code>${run.attempt > 1 && `, after ${plural(run.attempt, "attempt")}`}
    </p>
  <//>`;
}
