/* One dataset: what it holds, how much of it, and what was found wrong in its file. */

import { day, integer, moment, momentLong, percent, plural, words } from "../../lib/format.js";
import { html, useState } from "../../lib/html.js";
import { PageHead, Section } from "../../lib/parts.js";
import { href } from "../../lib/router.js";
import { Empty, Loaded, Notice, SyntheticNotice } from "../../lib/states.js";
import { Table } from "../../lib/table.js";
import { useQuery } from "../../lib/use_query.js";
import { DatasetQuality } from "./quality.js";
import { MoreButton, asQuery, usePages } from "../use_pages.js";

const DATASET = `query Dataset($ref: DatasetRef!) {
  dataset(ref: $ref) {
    id name label version current synthetic calendar fingerprint source licence note
    assetCount dateCount firstDate lastDate observationCount createdAt deletedAt
    coverage { field observations share assets firstDate lastDate }
    quality {
      rowsRead rowsKept rowsRefused rowsMerged rowsSkipped notes
      counts { code label action count example }
      refused { line code reason }
      lostAssets { asset code reason }
    }
  }
}`;

const ASSETS = `query Assets($ref: DatasetRef!, $first: Int!, $after: String) {
  dataset(ref: $ref) {
    assets(first: $first, after: $after) {
      nodes { asset firstDate lastDate observationCount attributes { name value } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;

const BATCH = 50;

export function DatasetView({ id }) {
  const query = useQuery(DATASET, { ref: { id } });
  return html`
    ${query.failure && html`<${PageHead} title="Dataset" />`}
    <${Loaded} query=${query} label="the dataset" rows=${8}>
      ${({ dataset }) => html`<${Content} dataset=${dataset} />`}
    <//>
  `;
}

function Content({ dataset }) {
  const span = `${day(dataset.firstDate)} to ${day(dataset.lastDate)}`;
  return html`
    <${PageHead} title=${`${dataset.name} v${dataset.version}`}
      detail=${`${integer(dataset.assetCount)} assets, ${integer(dataset.dateCount)} dates, ${span}`}>
      <a class="button" href=${href("/runs", { dataset: dataset.id })}>Its runs</a>
      ${
        dataset.deletedAt === null &&
        html`<a class="button button-primary" href=${href("/launch", { dataset: dataset.id })}>
          Launch on it
        </a>`
      }
    <//>
    <${SyntheticNotice} datasets=${[dataset]} />
    ${
      dataset.deletedAt !== null &&
      html`<${Notice} kind="warn" title=${`Deleted on ${moment(dataset.deletedAt)}.`}>
      Runs that were computed from it stay readable; its files may be gone.
    <//>`
    }
    ${
      dataset.deletedAt === null &&
      !dataset.current &&
      html`<${Notice} kind="info" title="An older version.">The name stands for a newer one by now.<//>`
    }
    <${Section} title="About">
      <dl class="facts">
        <${Fact} name="Rows">${integer(dataset.observationCount)}<//>
        <${Fact} name="Calendar">${words(dataset.calendar)}<//>
        <${Fact} name="Source">${dataset.source}<//>
        <${Fact} name="Licence">${dataset.licence ?? "not stated"}<//>
        <${Fact} name="Taken in">
          <time datetime=${dataset.createdAt} title=${momentLong(dataset.createdAt)}>
            ${moment(dataset.createdAt)}
          </time>
        <//>
        <${Fact} name="Fingerprint">
          <code title=${dataset.fingerprint}>${dataset.fingerprint.slice(0, 12)}…</code>
        <//>
      </dl>
      ${dataset.note && html`<p class="dataset-note">${dataset.note}</p>`}
    <//>
    <${Section} title="Coverage"
      note="The bar shows from when to when a field has values; the share is of all rows.">
      ${
        dataset.coverage === null
          ? html`<p class="muted">Not recorded.</p>`
          : html`<${Coverage} dataset=${dataset} />`
      }
    <//>
    <${Section} title="Quality"
      note="Impossible rows are refused, suspicious values kept and counted; nothing is repaired.">
      ${
        dataset.quality === null
          ? html`<p class="muted">Not recorded.</p>`
          : html`<${DatasetQuality} quality=${dataset.quality} />`
      }
    <//>
    ${dataset.deletedAt === null && html`<${Assets} id=${dataset.id} count=${dataset.assetCount} />`}
  `;
}

function Fact({ name, children }) {
  return html`<div>
    <dt>${name}</dt>
    <dd>${children}</dd>
  </div>`;
}

function Coverage({ dataset }) {
  const columns = [
    { key: "field", label: "Field", header: true, value: ({ field }) => field },
    {
      key: "share",
      label: "Of rows",
      title: "Values / rows kept of the file",
      numeric: true,
      value: ({ share }) => share,
      render: ({ share }) => percent(share),
    },
    {
      key: "span",
      label: "From when to when",
      class: "span-cell",
      render: (field) => html`<${Span} whole=${dataset} part=${field} />`,
    },
    {
      key: "from",
      label: "From",
      value: ({ firstDate }) => firstDate,
      render: ({ firstDate }) => day(firstDate),
    },
    { key: "to", label: "To", value: ({ lastDate }) => lastDate, render: ({ lastDate }) => day(lastDate) },
    {
      key: "values",
      label: "Values",
      numeric: true,
      value: ({ observations }) => observations,
      render: ({ observations }) => integer(observations),
    },
    {
      key: "assets",
      label: "Assets",
      numeric: true,
      value: ({ assets }) => assets,
      render: ({ assets }) => integer(assets),
    },
  ];
  return html`<${Table} stack caption="Coverage of each field" columns=${columns} rows=${dataset.coverage}
    rowKey=${({ field }) => field} sort=${{ key: "share", descending: true }} />`;
}

/** Where the part lies in the whole: a bar in a track, as dark as there is data in it. */
function Span({ whole, part }) {
  const start = Date.parse(whole.firstDate);
  const length = Math.max(Date.parse(whole.lastDate) - start, 1);
  const left = (Date.parse(part.firstDate) - start) / length;
  const width = (Date.parse(part.lastDate) - Date.parse(part.firstDate)) / length;
  const style = {
    left: `${left * 100}%`,
    width: `${Math.max(width * 100, 1)}%`,
    opacity: 0.25 + 0.75 * part.share,
  };
  return html`<span class="span-track" aria-hidden="true">
    <span class="span-bar" style=${style}></span>
  </span>`;
}

function Assets({ id, count }) {
  const [open, setOpen] = useState(false);
  return html`<${Section} title="Assets" note=${`${plural(count, "asset")}, by id.`}
    actions=${html`<button type="button" class="button" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      ${open ? "Hide" : "Show"}
    </button>`}>
    ${open && html`<${AssetTable} id=${id} />`}
  <//>`;
}

function AssetTable({ id }) {
  const list = usePages(ASSETS, { ref: { id } }, (data) => data.dataset?.assets, { size: BATCH });
  return html`<${Loaded} query=${asQuery(list)} label="the assets">
    ${(assets) =>
      assets.length === 0
        ? html`<${Empty} title="No assets." />`
        : html`<${Table} stack caption="Assets by id" columns=${ASSET_COLUMNS} rows=${assets}
          rowKey=${({ asset }) => asset} />
            <${MoreButton} list=${list} noun="assets" />`}
  <//>`;
}

const ASSET_COLUMNS = [
  { key: "asset", label: "Asset", header: true, render: ({ asset }) => asset },
  { key: "from", label: "First price", render: ({ firstDate }) => day(firstDate) },
  { key: "to", label: "Last price", render: ({ lastDate }) => day(lastDate) },
  {
    key: "days",
    label: "Days with a price",
    numeric: true,
    render: ({ observationCount }) => integer(observationCount),
  },
  {
    key: "attributes",
    label: "Attributes",
    class: "wrap",
    render: ({ attributes }) =>
      attributes.map(({ name, value }) => html`<span class="tag">${name}=${value}</span> `),
  },
];
