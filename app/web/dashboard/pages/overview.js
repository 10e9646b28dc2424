/* How the latest run of each factor has done: growth, metrics, correlations, and what ran last.

   The address keeps what is chosen: dataset, origin, log, rebase, from, to, hidden, sort. */

import { FailureKind } from "../lib/failure.js";
import { graphiqlLink } from "../lib/graphql.js";
import { Fragment, html } from "../lib/html.js";
import { PageHead } from "../lib/parts.js";
import { href } from "../lib/router.js";
import { Empty, Loaded, SyntheticNotice } from "../lib/states.js";
import { useQuery } from "../lib/use_query.js";
import { Correlations } from "./overview/correlations.js";
import { Filters } from "./overview/filters.js";
import { GrowthPanel } from "./overview/growth.js";
import { MetricsPanel } from "./overview/metrics.js";
import { RecentRuns } from "./overview/recent_runs.js";

const OVERVIEW = `
  query Overview($dataset: DatasetRef, $origin: RunOrigin) {
    latestFactorRuns(dataset: $dataset, origin: $origin) {
      id
      finishedAt
      factor { name title }
      config { rebalance ... on ValueConfig { longSide } }
      dataset { id label synthetic }
      performance {
        annualizedReturn
        annualizedVolatility
        sharpeRatio
        sortinoRatio
        maxDrawdown
        calmarRatio
        hitRate
        neweyWestT
        numPeriods
        startDate
        endDate
        wipedOutOn
      }
      growth: series(select: [{ name: FACTOR, transform: GROWTH_OF_100 }], maxPoints: 800) { dates values }
      drawdown: series(select: [{ name: FACTOR, transform: DRAWDOWN }], maxPoints: 160) { values }
    }
  }
`;

export default function Overview({ route }) {
  const { dataset, origin } = route.params;
  const variables = { dataset: dataset ? { id: dataset } : null, origin: origin ?? null };
  const query = useQuery(OVERVIEW, variables);
  const filtered = Boolean(dataset || origin);
  return html`
    <${PageHead} title="Overview" detail="The latest successful run of each factor model">
      <${Filters} params=${route.params} />
      <a
        class="button"
        href=${graphiqlLink(OVERVIEW, variables)}
        title="Open the query of this page in GraphiQL"
      >
        Query in GraphiQL
      </a>
    <//>
    <${Loaded} query=${query} label="the latest runs" rows=${8}>
      ${({ latestFactorRuns: runs }) =>
        runs.length === 0
          ? html`<div class="panel"><${Nothing} filtered=${filtered} /></div>`
          : html`<${Fragment}>
              <${SyntheticNotice} datasets=${runs.map((run) => run.dataset)} />
              <${GrowthPanel} runs=${runs} params=${route.params} />
              <${MetricsPanel} runs=${runs} params=${route.params} />
            <//>`}
    <//>
    ${
      query.failure?.kind !== FailureKind.TOKEN &&
      html`<div class="grid">
      ${query.data && html`<${Correlations} runs=${query.data.latestFactorRuns} />`}
      <${RecentRuns} dataset=${dataset} origin=${origin} onEnd=${query.reload} />
    </div>`
    }
  `;
}

function Nothing({ filtered }) {
  return filtered
    ? html`<${Empty} title="No run fits this filter"><a href=${href("/")}>Show all runs</a><//>`
    : html`<${Empty} title="No factor model has been computed yet">
        <a href=${href("/launch")}>Launch one</a>, or run <code>factorql demo</code> for a synthetic sample.
      <//>`;
}
