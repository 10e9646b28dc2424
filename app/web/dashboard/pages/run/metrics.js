/* The run in numbers: the few that matter first, then all of them with the reasons for those undefined. */

import { day, integer, percent, ratio, signed, words } from "../../lib/format.js";
import { html } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";

export function Figures({ run }) {
  const { performance: gross, netPerformance: net } = run;
  const interval = (metric, format) => {
    const found = run.confidenceIntervals?.find((one) => one.metric === metric && !one.net);
    return found ? `${percent(found.level, 0)} interval ${format(found.low)} to ${format(found.high)}` : null;
  };
  const fall = gross.maxDrawdownTroughDate && `bottom on ${day(gross.maxDrawdownTroughDate)}`;
  const netText = (value) => (net ? `${value} net of costs` : null);
  const figures = [
    gross.annualizedReturn !== null && [
      "Return a year",
      signed(gross.annualizedReturn),
      interval("annualizedReturn", (value) => signed(value, 0)),
      netText(signed(net?.annualizedReturn)),
    ],
    gross.sharpeRatio !== null && [
      "Sharpe",
      ratio(gross.sharpeRatio),
      interval("sharpeRatio", ratio),
      netText(ratio(net?.sharpeRatio)),
    ],
    gross.annualizedVolatility !== null && [
      "Volatility",
      percent(gross.annualizedVolatility),
      "a year",
      null,
    ],
    gross.maxDrawdown !== null && [
      "Max drawdown",
      percent(gross.maxDrawdown),
      fall,
      netText(percent(net?.maxDrawdown)),
    ],
    gross.cumulativeReturn !== null && [
      "Cumulative",
      signed(gross.cumulativeReturn),
      gross.years === null ? null : `in ${ratio(gross.years, 1)} years`,
      null,
    ],
    gross.neweyWestT !== null && ["t of the mean", ratio(gross.neweyWestT), "Newey-West", null],
  ].filter(Boolean);
  if (!figures.length) return null;
  return html`<section class="panel" aria-label="Key figures">
    <dl class="figures">
      ${figures.map(
        ([label, value, ...notes]) => html`<div class="figure" key=${label}>
          <dt>${label}</dt>
          <dd>${value}${notes.filter(Boolean).map((note) => html`<small>${note}</small>`)}</dd>
        </div>`,
      )}
    </dl>
  </section>`;
}

const bps = (value) => (value === null ? ratio(null) : `${ratio(value, 1)} bp`);
const GROUPS = [
  [
    "Return",
    [
      ["cumulativeReturn", "Cumulative", signed],
      ["annualizedReturn", "Compound, a year", signed],
      ["meanAnnualReturn", "Arithmetic mean, a year", signed],
      ["longOnlyReturn", "Long leg", signed],
      ["shortOnlyReturn", "Short leg, held long", signed],
      ["bestPeriodReturn", "Best period", signed],
      ["worstPeriodReturn", "Worst period", signed],
      ["hitRate", "Hit rate", percent],
    ],
  ],
  [
    "Risk",
    [
      ["annualizedVolatility", "Volatility, a year", percent],
      ["sharpeRatio", "Sharpe", ratio],
      ["sortinoRatio", "Sortino (older definition)", ratio],
      ["sortinoRatioTarget", "Sortino (textbook)", ratio],
      ["maxDrawdown", "Max drawdown", percent],
      ["maxDrawdownPeakDate", "Drawdown from", day],
      ["maxDrawdownTroughDate", "Drawdown bottom", day],
      ["maxDrawdownRecoveryDate", "Drawdown recovered", day],
      ["calmarRatio", "Calmar", ratio],
      ["valueAtRisk95", "Value at risk, 95 %", percent],
      ["expectedShortfall95", "Expected shortfall, 95 %", percent],
      ["skewness", "Skewness", ratio],
      ["excessKurtosis", "Excess kurtosis", ratio],
    ],
  ],
  [
    "Inference",
    [
      ["neweyWestT", "t of the mean", ratio],
      ["sharpeStandardError", "Standard error of Sharpe", ratio],
      ["probabilisticSharpeRatio", "Probability that Sharpe > 0", percent],
      ["icMean", "Information coefficient", (value) => ratio(value, 3)],
      ["icT", "t of the coefficient", ratio],
      ["alpha", "Alpha to the market, a year", signed],
      ["beta", "Beta to the market", ratio],
    ],
  ],
  [
    "Portfolio",
    [
      ["numPeriods", "Periods", integer],
      ["skippedPeriods", "Skipped periods", integer],
      ["coverage", "Share of periods covered", percent],
      ["breadth", "Assets held, mean", (value) => ratio(value, 1)],
      ["meanTurnover", "Turnover a period", percent],
      ["breakEvenCostBps", "Break-even cost", bps],
      ["longHhi", "Concentration, long leg", (value) => ratio(value, 3)],
      ["shortHhi", "Concentration, short leg", (value) => ratio(value, 3)],
      ["missingReturns", "Missing returns", integer],
      ["extremeReturns", "Extreme returns", integer],
    ],
  ],
];

function labelOf(metric) {
  const known = GROUPS.flatMap(([, metrics]) => metrics).find(([name]) => name === metric);
  return known ? known[1] : words(metric);
}

const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function Metrics({ run }) {
  const { performance } = run;
  const reasons = new Map(performance.undefinedMetrics.map(({ metric, detail }) => [metric, detail]));
  return html`<${Section} title="All metrics" note="Gross of costs. A dash has a reason: it is given below.">
    <div class="metric-groups">
      ${GROUPS.map(
        ([title, metrics]) => html`<div key=${title}>
          <h3>${title}</h3>
          <dl class="facts facts-column">
            ${metrics.map(
              ([name, label, format]) =>
                html`<div key=${name}>
                  <dt>${label}</dt>
                  <dd title=${reasons.get(name)}>${format(performance[name])}</dd>
                </div>`,
            )}
          </dl>
        </div>`,
      )}
    </div>
    ${
      reasons.size > 0 &&
      html`<ul class="notes reasons">
      ${[...Map.groupBy(reasons, ([, detail]) => detail)].map(
        ([detail, found]) =>
          html`<li key=${detail}>
            <strong>${capitalized(detail)}:</strong> ${found.map(([metric]) => labelOf(metric)).join("; ")}
          </li>`,
      )}
    </ul>`
    }
  <//>`;
}
