/* What a file held and what was done about it: counts, findings, the refused rows themselves, lost assets. */

import { integer, percent, plural, words } from "../../lib/format.js";
import { html, useState } from "../../lib/html.js";
import { Table } from "../../lib/table.js";

const SHOWN_AT_FIRST = 10;
const ACTION_TAGS = { REFUSED: "tag-bad", KEPT: "", MERGED: "", SKIPPED: "" };

export function DatasetQuality({ quality }) {
  return html`<div class="quality">
    <${Rows} quality=${quality} />
    ${
      quality.counts.length > 0
        ? html`<${Table} stack caption="Findings" columns=${FINDING_COLUMNS} rows=${quality.counts}
          rowKey=${({ code }) => code} />`
        : html`<p>Nothing was found.</p>`
    }
    <${Listed} title="Refused rows" noun="row" items=${quality.refused} total=${quality.rowsRefused}
      columns=${REFUSED_COLUMNS} itemKey=${({ line, code }) => `${line} ${code}`} />
    <${Listed} title="Assets that could not be had" noun="asset" items=${quality.lostAssets}
      total=${quality.lostAssets.length} columns=${LOST_COLUMNS} itemKey=${({ asset }) => asset} />
    ${
      quality.notes.length > 0 &&
      html`<div>
      <h3>Notes</h3>
      <ul class="notes">${quality.notes.map((note) => html`<li key=${note}>${note}</li>`)}</ul>
    </div>`
    }
  </div>`;
}

/** All rows of the file as one bar, and what became of them in numbers. */
function Rows({ quality }) {
  const parts = [
    ["Kept", quality.rowsKept, "kept"],
    ["Refused", quality.rowsRefused, "refused"],
    ["Merged", quality.rowsMerged, "merged"],
    ["Without a value", quality.rowsSkipped, "skipped"],
  ];
  const total = Math.max(quality.rowsRead, 1);
  return html`
    <div class="row-bar" aria-hidden="true">
      ${parts.map(
        ([, count, kind]) =>
          count > 0 &&
          html`<span class="row-part row-${kind}"
            style=${{ width: `${Math.max((count / total) * 100, 0.5)}%` }}></span>`,
      )}
    </div>
    <dl class="figures">
      <div class="figure">
        <dt>Rows read</dt>
        <dd>${integer(quality.rowsRead)}</dd>
      </div>
      ${parts.map(
        ([name, count, kind]) => html`<div class="figure" key=${name}>
          <dt><span class="dot row-${kind}" aria-hidden="true"></span> ${name}</dt>
          <dd>${integer(count)}${count > 0 && html`<small>${percent(count / total, 2)}</small>`}</dd>
        </div>`,
      )}
    </dl>
  `;
}

function Listed({ title, noun, items, total, columns, itemKey }) {
  const [all, setAll] = useState(false);
  if (items.length === 0) return null;
  const shown = all ? items : items.slice(0, SHOWN_AT_FIRST);
  return html`<div>
    <h3>${title}</h3>
    ${
      total > items.length &&
      html`<p class="panel-note">The first ${integer(items.length)} of ${plural(total, noun)}.</p>`
    }
    <${Table} stack caption=${title} columns=${columns} rows=${shown} rowKey=${itemKey} />
    ${
      items.length > SHOWN_AT_FIRST &&
      html`<p class="more">
      <button type="button" class="button" aria-expanded=${all} onClick=${() => setAll(!all)}>
        ${all ? "Show fewer" : `Show all ${integer(items.length)}`}
      </button>
    </p>`
    }
  </div>`;
}

const FINDING_COLUMNS = [
  { key: "label", label: "Finding", header: true, class: "wrap", render: ({ label }) => label },
  {
    key: "action",
    label: "What was done",
    render: ({ action }) => html`<span class="tag ${ACTION_TAGS[action] ?? ""}">${words(action)}</span>`,
  },
  {
    key: "count",
    label: "Count",
    numeric: true,
    value: ({ count }) => count,
    render: ({ count }) => integer(count),
  },
  {
    key: "example",
    label: "Example",
    class: "wrap",
    render: ({ example }) => html`<span class="muted">${example}</span>`,
  },
];

const REFUSED_COLUMNS = [
  {
    key: "line",
    label: "Line",
    numeric: true,
    value: ({ line }) => line,
    render: ({ line }) => integer(line),
  },
  {
    key: "code",
    label: "Fault",
    value: ({ code }) => code,
    render: ({ code }) => html`<code>${code}</code>`,
  },
  { key: "reason", label: "Reason", class: "wrap", render: ({ reason }) => reason },
];

const LOST_COLUMNS = [
  { key: "asset", label: "Asset", header: true, value: ({ asset }) => asset },
  {
    key: "code",
    label: "Cause",
    value: ({ code }) => code,
    render: ({ code }) => html`<code>${code}</code>`,
  },
  { key: "reason", label: "Reason", class: "wrap", render: ({ reason }) => reason },
];
