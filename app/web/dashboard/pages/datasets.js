/* The datasets: all of them at `#/datasets`, one at `#/datasets/<global id>`. */

import { day, integer, moment, momentLong, plural } from "../lib/format.js";
import { html, useState } from "../lib/html.js";
import { PageHead } from "../lib/parts.js";
import { href } from "../lib/router.js";
import { Empty, Loaded } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { DatasetView } from "./datasets/detail.js";
import { DatasetUpload } from "./datasets/upload.js";
import { MoreButton, asQuery, usePages } from "./use_pages.js";

const DATASETS = `query Datasets($first: Int!, $after: String) {
  datasets(first: $first, after: $after) {
    nodes {
      id name version current synthetic fields createdAt
      assetCount dateCount firstDate lastDate observationCount
      quality { rowsRefused counts { action count } }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

export default function Datasets({ route }) {
  const [, id] = route.parts;
  return id === undefined
    ? html`<${DatasetList} opened=${route.params.ingest !== undefined} />`
    : html`<${DatasetView} key=${id} id=${id} />`;
}

function DatasetList({ opened }) {
  const list = usePages(DATASETS, {}, (data) => data.datasets);
  const [uploading, setUploading] = useState(opened);
  return html`
    <${PageHead} title="Datasets"
      detail="Immutable snapshots of market data; a name stands for its newest version.">
      <button type="button" class="button ${uploading ? "" : "button-primary"}" aria-expanded=${uploading}
        onClick=${() => setUploading(!uploading)}>
        ${uploading ? "Close the form" : "Take in a file"}
      </button>
    <//>
    ${uploading && html`<div class="upload"><${DatasetUpload} onDone=${list.reload} /></div>`}
    <${Loaded} query=${asQuery(list)} label="the datasets">
      ${(datasets) =>
        datasets.length === 0
          ? html`<${Empty} title="No datasets yet.">
              Take in a CSV or Parquet file with the button above, or run
              ${" "}<code>factorql demo</code> for a sample.
            <//>`
          : html`<div class="panel">
              <${Table} stack caption="Datasets" columns=${COLUMNS} rows=${datasets}
                rowKey=${(dataset) => dataset.id} />
              <${MoreButton} list=${list} noun="datasets" />
            </div>`}
    <//>
  `;
}

const COLUMNS = [
  {
    key: "name",
    label: "Dataset",
    header: true,
    value: ({ name, version }) => `${name} ${String(version).padStart(6, "0")}`,
    render: (dataset) => html`<a href=${href("/datasets", dataset.id)}>${dataset.name}</a> <span class="muted"
        >v${dataset.version}</span
      > ${dataset.synthetic && html`<span class="tag tag-synthetic">synthetic</span>`}
      ${!dataset.current && html`<span class="tag">older version</span>`}`,
  },
  {
    key: "from",
    label: "From",
    value: ({ firstDate }) => firstDate,
    render: ({ firstDate }) => day(firstDate),
  },
  {
    key: "to",
    label: "To",
    value: ({ lastDate }) => lastDate,
    render: ({ lastDate }) => day(lastDate),
  },
  {
    key: "assets",
    label: "Assets",
    numeric: true,
    value: ({ assetCount }) => assetCount,
    render: ({ assetCount }) => integer(assetCount),
  },
  {
    key: "dates",
    label: "Dates",
    numeric: true,
    value: ({ dateCount }) => dateCount,
    render: ({ dateCount }) => integer(dateCount),
  },
  {
    key: "rows",
    label: "Rows",
    title: "Pairs of an asset and a date with at least one value",
    numeric: true,
    value: ({ observationCount }) => observationCount,
    render: ({ observationCount }) => integer(observationCount),
  },
  {
    key: "quality",
    label: "Quality",
    render: ({ quality }) => html`<${QualityTags} quality=${quality} />`,
  },
  {
    key: "fields",
    label: "Fields",
    class: "wrap",
    render: ({ fields }) => html`<span class="muted">${fields.join(", ")}</span>`,
  },
  {
    key: "created",
    label: "Taken in",
    value: ({ createdAt }) => createdAt,
    first: "descending",
    render: ({ createdAt }) =>
      html`<time datetime=${createdAt} title=${momentLong(createdAt)}>${moment(createdAt)}</time>`,
  },
];

function QualityTags({ quality }) {
  if (quality === null) return html`<span class="muted">not recorded</span>`;
  const suspicious = quality.counts
    .filter(({ action }) => action === "KEPT")
    .reduce((total, { count }) => total + count, 0);
  if (quality.rowsRefused === 0 && suspicious === 0)
    return html`<span class="tag tag-good">nothing found</span>`;
  return html`<span>
    ${
      quality.rowsRefused > 0 &&
      html`<span class="tag tag-bad">${plural(quality.rowsRefused, "row")} refused</span> `
    }
    ${suspicious > 0 && html`<span class="tag">${integer(suspicious)} suspicious</span>`}
  </span>`;
}
