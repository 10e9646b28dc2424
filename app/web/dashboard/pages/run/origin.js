/* What a run rests on: its options, its dataset, and what to know about both. */

import { NONE, compact, day, integer, percent, plural, words } from "../../lib/format.js";
import { html } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { href } from "../../lib/router.js";
import { DatasetLabel } from "../../lib/states.js";

const off = (text, format) => (value) => (value === null ? text : format(value));
const list = (text) => (value) => (value?.length ? value.join(", ") : text);
const yes = (value) => (value === null ? NONE : value ? "yes" : "no");
const usd = (value) => `${compact(value)} USD`;
const days = (value) => plural(value, "day");
const bps = (value) => (value ? `${value} bp` : "none");

const OPTIONS = [
  ["rebalance", "Rebalance", words],
  ["startDate", "From", off("first possible", day)],
  ["endDate", "To", off("last possible", day)],
  ["breakpoint", "Share of assets in each leg", off(null, (value) => percent(value, 0))],
  ["topN", "Largest assets held", integer],
  ["minAssets", "Fewest eligible assets", integer],
  [
    "longSide",
    "Long side",
    (value) => (value === "LOW" ? "Low (academic direction)" : "High (historical direction)"),
  ],
  ["fundamental", "Compared with", words],
  ["lookbackPeriods", "Lookback", (value) => plural(value, "period")],
  ["volatilityAdjusted", "Volatility-adjusted", yes],
  ["lookbackDays", "Lookback", days],
  ["growthWindow", "Growth over", (value) => plural(value, "period")],
  [
    "growthMetrics",
    "Measures",
    (value) => (value ? value.map(words).join(", ") : "all that the dataset has"),
  ],
  ["weightingMethod", "Weights", words],
  ["varianceLookback", "Variance lookback", (value) => plural(value, "period")],
  ["maxWeight", "Heaviest weight", off("no cap", percent)],
  ["marketCapThreshold", "Market cap above", off("no filter", usd)],
  ["liquidityThreshold", "Volume in 7 days above", off("no filter", usd)],
  ["minLifetimeDays", "Lifetime at least", off("no filter", days)],
  ["universe", "Universe", list("all assets")],
  ["exclude", "Excluded", list("none")],
  ["missingReturn", "A missing return counts as", (value) => percent(value, 0)],
  ["costBps", "Cost of trading", bps],
  ["shortCarryBps", "Cost of shorting, a year", bps],
  ["executionLagDays", "Traded after", days],
  ["publicationLagDays", "Fundamentals known after", days],
  ["maxAbsReturn", "Extreme beyond", off("no limit", (value) => percent(value, 0))],
  ["extremeReturns", "Extreme returns", words],
  ["quantiles", "Quantile portfolios", integer],
];

function Fact({ label, children }) {
  return html`<div>
    <dt>${label}</dt>
    <dd>${children}</dd>
  </div>`;
}

export function ConfigPanel({ run }) {
  const { config, factor } = run;
  const unknown = new Set(config.unrecordedFields);
  const applies = {
    varianceLookback: config.weightingMethod === "INVERSE_VARIANCE",
    breakpoint: config.breakpoint !== null,
  };
  const own = OPTIONS.filter(([name]) => name in config && (applies[name] ?? true));
  const known = new Set(OPTIONS.map(([name]) => name));
  const others = config.options.filter(({ name }) => !known.has(name));
  const value = (name, format) =>
    unknown.has(name) ? html`<span class="muted">not recorded</span>` : format(config[name]);
  return html`<${Section} title="Configuration" note="${factor.description} Signal: ${factor.signal}.">
    <dl class="facts">
      ${own.map(([name, label, format]) => html`<${Fact} key=${name} label=${label}>${value(name, format)}<//>`)}
      ${others.map(
        ({ name, meaning, text }) =>
          html`<${Fact} key=${name} label=${words(name)}><span title=${meaning}>${text}</span><//>`,
      )}
      ${run.engineVersion && html`<${Fact} label="Engine">${run.engineVersion}<//>`}
    </dl>
  <//>`;
}

export function NotesPanel({ run }) {
  const { dataset, performance } = run;
  const counted = [
    [
      performance?.missingReturns,
      "held asset had no price",
      "held assets had no price",
      "at a period's end.",
    ],
    [
      performance?.extremeReturns,
      "held return lay",
      "held returns lay",
      "beyond the limit for extreme returns.",
    ],
    [performance?.skippedPeriods, "period was", "periods were", "skipped for want of eligible assets."],
  ];
  const own = counted
    .filter(([count]) => count > 0)
    .map(([count, one, many, rest]) => `${plural(count, one, many)} ${rest}`);
  return html`<${Section} title="Data and its quality">
    ${
      dataset
        ? html`<${DatasetFacts} dataset=${dataset} />`
        : html`<p class="muted">This run was imported: what it was computed from is not known.</p>`
    }
    <${Notes} title="In this run" notes=${[...own, ...run.importRemarks]} />
    ${dataset?.quality && html`<${Notes} title="In the dataset" notes=${findings(dataset.quality)} />`}
  <//>`;
}

function DatasetFacts({ dataset }) {
  const { quality } = dataset;
  return html`<dl class="facts">
    <${Fact} label="Dataset">
      <a href=${href("/datasets", dataset.id)}><${DatasetLabel} dataset=${dataset} /></a>
    <//>
    <${Fact} label="Source">${dataset.source}<//>
    <${Fact} label="Licence">${dataset.licence ?? "not known"}<//>
    <${Fact} label="Assets">${integer(dataset.assetCount)}<//>
    <${Fact} label="Dates">${day(dataset.firstDate)} – ${day(dataset.lastDate)}<//>
    ${
      quality &&
      html`<${Fact} label="Rows refused">${integer(quality.rowsRefused)} of ${integer(quality.rowsRead)}<//>`
    }
  </dl>`;
}

function findings({ counts, notes }) {
  const found = counts.map(({ label, action, count, example }) => {
    const text = `${integer(count)} × ${label}, ${words(action).toLowerCase()}`;
    return example ? html`${text}<span class="muted"> (${example})</span>` : text;
  });
  return [...found, ...notes];
}

function Notes({ title, notes }) {
  if (!notes.length) return null;
  return html`<h3 class="notes-title">${title}</h3>
    <ul class="notes">
      ${notes.map((note) => html`<li>${note}</li>`)}
    </ul>`;
}
