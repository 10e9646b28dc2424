/* What a run rests on: its options, its dataset, and what to know about both. */

import { NONE, compact, day, integer, percent, plural, words } from "../../core/format.js";
import { html } from "../../core/html.js";
import { Section } from "../../core/layout.js";
import { href } from "../../core/router.js";
import { DatasetLabel } from "../../core/states.js";

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
  ["longSide", "Long side", (value) => (value === "LOW" ? "Low (academic direction)" : "High (historical direction)")],
  ["fundamental", "Compared with", words],
  ["lookbackPeriods", "Lookback", (value) => plural(value, "period")],
  ["volatilityAdjusted", "Volatility-adjusted", yes],
  ["lookbackDays", "Lookback", days],
  ["growthWindow", "Growth over", (value) => plural(value, "period")],
  ["growthMetrics", "Measures", (value) => (value ? value.map(words).join(", ") : "all that the dataset has")],
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

export function ConfigPanel({ run }) {
  const { config } = run;
  const unknown = new Set(config.unrecordedFields);
  const inverse = config.weightingMethod === "INVERSE_VARIANCE";
  const own = OPTIONS.filter(([name]) => name in config && (name !== "varianceLookback" || inverse) && (name !== "breakpoint" || config.breakpoint !== null));
  return html`<${Section} title="Configuration" note=${`${run.factor.description} Signal: ${run.factor.signal}.`}>
    <dl class="facts">
      ${own.map(
        ([name, label, format]) =>
          html`<div key=${name}><dt>${label}</dt><dd>${unknown.has(name) ? html`<span class="muted">not recorded</span>` : format(config[name])}</dd></div>`,
      )}
      ${run.engineVersion && html`<div><dt>Engine</dt><dd>${run.engineVersion}</dd></div>`}
    </dl>
  <//>`;
}

export function NotesPanel({ run }) {
  const { dataset, performance } = run;
  const quality = dataset?.quality;
  const own = [
    performance?.missingReturns > 0 && `${plural(performance.missingReturns, "held asset")} had no price at a period's end and counted as configured.`,
    performance?.extremeReturns > 0 && `${plural(performance.extremeReturns, "held return")} lay beyond the limit for extreme returns.`,
    performance?.skippedPeriods > 0 && `${plural(performance.skippedPeriods, "period was", "periods were")} skipped for want of eligible assets.`,
    ...run.importRemarks,
  ].filter(Boolean);
  return html`<${Section} title="Data and its quality">
    ${dataset
      ? html`<dl class="facts">
          <div><dt>Dataset</dt><dd><a href=${href("/datasets", dataset.id)}><${DatasetLabel} dataset=${dataset} /></a></dd></div>
          <div><dt>Source</dt><dd>${dataset.source}</dd></div>
          <div><dt>Licence</dt><dd>${dataset.licence ?? "not known"}</dd></div>
          <div><dt>Assets</dt><dd>${integer(dataset.assetCount)}</dd></div>
          <div><dt>Dates</dt><dd>${day(dataset.firstDate)} – ${day(dataset.lastDate)}</dd></div>
          ${quality && html`<div><dt>Rows refused</dt><dd>${integer(quality.rowsRefused)} of ${integer(quality.rowsRead)}</dd></div>`}
        </dl>`
      : html`<p class="muted">This run was imported: what it was computed from is not known.</p>`}
    ${own.length > 0 && html`<h3 class="notes-title">In this run</h3><ul class="notes">${own.map((note) => html`<li key=${note}>${note}</li>`)}</ul>`}
    ${quality &&
    (quality.counts.length > 0 || quality.notes.length > 0) &&
    html`<h3 class="notes-title">In the dataset</h3>
      <ul class="notes">
        ${quality.counts.map(
          ({ code, label, action, count, example }) =>
            html`<li key=${code}>${integer(count)} × ${label}, ${words(action).toLowerCase()}${example && html`<span class="muted"> (${example})</span>`}</li>`,
        )}
        ${quality.notes.map((note) => html`<li key=${note}>${note}</li>`)}
      </ul>`}
  <//>`;
}
