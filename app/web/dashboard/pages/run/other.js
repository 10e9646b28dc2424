/* A sweep, a risk model or a fetch: what it was asked for and what came of it, and the way to the rest. Of a
   run of a kind that the server does not know: where it stands. */

import { day, integer, percent, plural, ratio, signed, words } from "../../lib/format.js";
import { graphiqlLink } from "../../lib/graphql.js";
import { html } from "../../lib/html.js";
import { Section } from "../../lib/layout.js";
import { href } from "../../lib/router.js";
import { Loaded, Notice, SyntheticNotice } from "../../lib/states.js";
import { useQuery } from "../../lib/use_query.js";
import { isOver } from "../status.js";
import { FailureNotice, RunHead } from "./head.js";
import { Progress } from "./progress.js";

const SWEEP = `
  query Sweep($id: ID!) {
    run(id: $id) {
      ... on SweepRun {
        factor { title }
        axes { option valueCount }
        result {
          verdict
          pointCount
          failedCount
          best { sharpeRatio annualizedReturn maxDrawdown values { option text } }
        }
      }
    }
  }
`;
const RISK_MODEL = `
  query RiskModel($id: ID!) {
    run(id: $id) {
      ... on RiskModelRun {
        factors { name kind }
        skippedStyles { name }
        explainedVariance { sourcePointCount meanRSquared }
      }
    }
  }
`;
const FETCH = `
  query Fetch($id: ID!) {
    run(id: $id) {
      ... on FetchRun {
        source
        startDate
        endDate
        assets
        datasetName
        dataset { id label }
        report { lostAssets { asset } notes }
      }
    }
  }
`;
const ANY = `
  query AnyRun($id: ID!) {
    run(id: $id) { kind status createdAt startedAt finishedAt progress { fraction stage } }
  }
`;

const named = ({ option, text }) => `${words(option)} ${text}`;

function sweepFacts({ factor, axes, result }) {
  const facts = [
    ["Factor", factor.title],
    ["Options tried", axes.map(({ option, valueCount }) => `${words(option)} (${integer(valueCount)})`).join(", ")],
  ];
  if (result === null) return facts;
  const { best } = result;
  return [
    ...facts,
    ["Configs", integer(result.pointCount)],
    ["Failed", integer(result.failedCount)],
    ["Best", best.values.map(named).join(", ")],
    ["Its Sharpe", ratio(best.sharpeRatio)],
    ["Its return a year", signed(best.annualizedReturn)],
    ["Its max drawdown", percent(best.maxDrawdown)],
  ];
}

/** Names of the graph become words; sectors and the like stay as the dataset spells them. */
const spelt = (name) => (/^[A-Z][A-Z_0-9]+$/.test(name) ? words(name) : name);

function riskFacts({ factors, skippedStyles, explainedVariance }) {
  const kinds = Map.groupBy(factors ?? [], ({ kind }) => kind);
  return [
    ...[...kinds].map(([kind, found]) => [
      `${words(kind)}, ${plural(found.length, "factor")}`,
      found.map(({ name }) => spelt(name)).join(", "),
    ]),
    ...(skippedStyles?.length
      ? [["Styles left out", skippedStyles.map(({ name }) => spelt(name)).join(", ")]]
      : []),
    ["Dates", integer(explainedVariance?.sourcePointCount)],
    ["Mean R\u00b2", percent(explainedVariance?.meanRSquared)],
  ];
}

function fetchFacts({ source, startDate, endDate, assets, datasetName, dataset, report }) {
  return [
    ["Source", words(source)],
    ["Days", `${day(startDate)} \u2013 ${day(endDate)}`],
    ["Assets", assets?.length ? assets.join(", ") : "all that the source recommends"],
    ["Dataset", dataset ? html`<a href=${href("/datasets", dataset.id)}>${dataset.label}</a>` : datasetName],
    ...(report?.lostAssets.length
      ? [["Without data", report.lostAssets.map(({ asset }) => asset).join(", ")]]
      : []),
  ];
}

const KINDS = {
  SweepRun: { title: "Sweep", query: SWEEP, facts: sweepFacts, said: ({ result }) => result?.verdict },
  RiskModelRun: { title: "Risk model", query: RISK_MODEL, facts: riskFacts },
  FetchRun: { title: "Fetch", query: FETCH, facts: fetchFacts, said: ({ report }) => report?.notes.join(" ") },
};

export function OtherRun({ run, reload }) {
  const kind = KINDS[run.__typename] ?? { title: words(run.kind), query: ANY };
  return html`
    <${RunHead} run=${run} title=${kind.title} link=${graphiqlLink(kind.query, { id: run.id })} />
    <${SyntheticNotice} datasets=${[run.dataset]} />
    ${!isOver(run.status) && html`<${Progress} run=${run} onEnd=${reload} />`}
    <${FailureNotice} run=${run} />
    ${
      kind.facts
        ? html`<${Outcome} key=${run.status} id=${run.id} kind=${kind} />`
        : html`<${Notice} title="A run of a kind that this server does not know">
            <p>A newer version launched it, and shows what it does and what came of it.</p>
          <//>`
    }
  `;
}

function Outcome({ id, kind }) {
  const query = useQuery(kind.query, { id });
  return html`<${Section} title="In short" note="The graph has all of it: Query in GraphiQL leads there.">
    <${Loaded} query=${query} label="what came of it">
      ${({ run }) => html`
        ${kind.said?.(run) && html`<p>${kind.said(run)}</p>`}
        <dl class="facts facts-long">
          ${kind.facts(run).map(
            ([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`,
          )}
        </dl>
      `}
    <//>
  <//>`;
}
