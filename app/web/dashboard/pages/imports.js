/* Imports of older logs: what each brought, at `#/imports`, and what it refused, at `#/imports/<id>`. */

import { integer, moment, momentLong, plural } from "../lib/format.js";
import { html, useState } from "../lib/html.js";
import { PageHead, Section } from "../lib/parts.js";
import { href } from "../lib/router.js";
import { Empty, Loaded, Notice } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { useQuery } from "../lib/use_query.js";
import { QuarantinedLines } from "./imports/lines.js";
import { LogUpload } from "./imports/upload.js";
import { MoreButton, asQuery, usePages } from "./use_pages.js";

const BATCHES = `query ImportBatches($first: Int!, $after: String) {
  importBatches(first: $first, after: $after) {
    nodes {
      id createdAt source imported unchanged repaired merged seriesAttached monthlySetsAttached quarantined
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const QUARANTINE = `query Quarantine($id: ID!, $first: Int!, $skip: Int!) {
  importBatch(id: $id) {
    quarantined
    quarantine(first: $first, skip: $skip) { file line raw code reason }
  }
}`;

const PAGE = 25;

export default function Imports({ route }) {
  const list = usePages(BATCHES, {}, (data) => data.importBatches);
  const [uploading, setUploading] = useState(false);
  return html`
    <${PageHead} title="Imports"
      detail="Logs of the older system: what was taken in, and what was not understood.">
      <button type="button" class="button" aria-expanded=${uploading}
        onClick=${() => setUploading(!uploading)}>
        ${uploading ? "Close the form" : "Import logs"}
      </button>
    <//>
    ${uploading && html`<div class="upload"><${LogUpload} onDone=${list.reload} /></div>`}
    <${Loaded} query=${asQuery(list)} label="the imports">
      ${(batches) => {
        if (batches.length === 0) return html`<${NoImports} />`;
        const shown = route.parts[1] ?? batches[0].id;
        const batch = batches.find(({ id }) => id === shown) ?? null;
        return html`
          <${Batches} list=${list} batches=${batches} shown=${shown} />
          <${QuarantineSection} key=${shown} id=${shown} batch=${batch} />
        `;
      }}
    <//>
  `;
}

function NoImports() {
  return html`<${Empty} title="Nothing was imported yet.">
    The button above takes in CSV logs of the older system, each file as a whole or not at all;
    <code>factorql import-logs FOLDER</code> does the same for a folder.
  <//>`;
}

function Batches({ list, batches, shown }) {
  return html`<div class="panel">
    <${Table} stack caption="Imports" columns=${columnsFor(shown)} rows=${batches} rowKey=${({ id }) => id}
      rowClass=${({ id }) => (id === shown && batches.length > 1 ? "row-shown" : "")} />
    <${MoreButton} list=${list} noun="imports" />
  </div>`;
}

const count = (key, label, title) => ({
  key,
  label,
  title,
  numeric: true,
  value: (batch) => batch[key],
  render: (batch) => (batch[key] === 0 ? html`<span class="muted">0</span>` : integer(batch[key])),
});

const columnsFor = (shown) => [
  {
    key: "createdAt",
    label: "When",
    header: true,
    first: "descending",
    value: ({ createdAt }) => createdAt,
    render: ({
      id,
      createdAt,
    }) => html`<a href=${href("/imports", id)} aria-current=${id === shown ? "true" : undefined}
      ><time datetime=${createdAt} title=${momentLong(createdAt)}>${moment(createdAt)}</time></a
    >`,
  },
  { key: "source", label: "From", class: "wrap", value: ({ source }) => source },
  count("imported", "Runs added", "Runs that were added"),
  count("unchanged", "Unchanged", "Runs that were in the store already"),
  count("repaired", "Repaired", "Rows that were read under a column order that their header contradicts"),
  count("merged", "Merged", "Lines that said again what another had said"),
  count("seriesAttached", "Series", "Return series that were added to runs"),
  count("monthlySetsAttached", "Monthly sheets", "Monthly sheets that were added to factors"),
  {
    ...count("quarantined", "Quarantined", "Lines that were refused for the first time"),
    render: ({ quarantined }) =>
      quarantined === 0
        ? html`<span class="muted">0</span>`
        : html`<span class="tag tag-bad">${integer(quarantined)}</span>`,
  },
];

function QuarantineSection({ id, batch }) {
  const [skip, setSkip] = useState(0);
  const query = useQuery(QUARANTINE, { id, first: PAGE, skip });
  const title = "Quarantine";
  const note =
    batch === null ? null : `Lines of the import of ${moment(batch.createdAt)}, kept as they were.`;
  return html`<${Section} title=${title} note=${note}>
    <${Loaded} query=${query} label="the quarantine">
      ${({ importBatch }) =>
        importBatch.quarantined === 0
          ? html`<${Notice} kind="info" title="Every line was understood." />`
          : html`
              <${QuarantinedLines} lines=${importBatch.quarantine} />
              <${Pager} skip=${skip} total=${importBatch.quarantined} onSkip=${setSkip} />
            `}
    <//>
  <//>`;
}

function Pager({ skip, total, onSkip }) {
  if (total <= PAGE) return html`<p class="panel-note more">${plural(total, "line")}</p>`;
  const last = Math.min(skip + PAGE, total);
  return html`<nav class="more" aria-label="Pages of the quarantine">
    <button type="button" class="button" disabled=${skip === 0}
      onClick=${() => onSkip(Math.max(skip - PAGE, 0))}>Previous</button>
    <span class="muted" aria-live="polite">
      ${integer(skip + 1)} to ${integer(last)} of ${integer(total)}
    </span>
    <button type="button" class="button" disabled=${last >= total}
      onClick=${() => onSkip(skip + PAGE)}>Next</button>
  </nav>`;
}
