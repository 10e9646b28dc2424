/* How the factors' weekly returns move together. */

import { DAY, seconds } from "../../charts/days.js";
import { HeatTable } from "../../charts/heat_table.js";
import { day, integer, ratio } from "../../lib/format.js";
import { FailureKind } from "../../lib/failure.js";
import { shortName } from "../../lib/factors.js";
import { html, useMemo } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { Empty, Loaded } from "../../lib/states.js";
import { useQuery } from "../../lib/use_query.js";

const CORRELATIONS = `
  query Correlations($runs: [ID!]!) {
    factorCorrelations(runs: $runs) {
      runs { id factor { name title } config { ... on ValueConfig { longSide } } }
      values
      observations
      startDate
      endDate
    }
  }
`;

/** By its dates where the rebalancing was not recorded: most lie a week after the one before. */
function isWeekly({ growth, config }) {
  const days = growth?.[0]?.dates ?? [];
  if (days.length < 2) return false;
  if (config.rebalance !== null) return config.rebalance === "WEEKLY";
  const xs = days.map(seconds);
  const weeks = xs.filter((x, index) => index > 0 && x - xs[index - 1] === 7 * DAY).length;
  return weeks > xs.length / 2;
}

export function Correlations({ runs }) {
  const weekly = useMemo(() => runs.filter(isWeekly), [runs]);
  const few = weekly.length < 2;
  const query = useQuery(CORRELATIONS, { runs: weekly.map(({ id }) => id) }, { skip: few });
  if (few) {
    return html`<${Section} title="Correlations">
      <${Empty} title="Two weekly runs with return series are needed" />
    <//>`;
  }
  if (query.failure?.kind === FailureKind.GRAPHQL) {
    return html`<${Section} title="Correlations">
      <${Empty} title="These runs have none">${query.failure.message}<//>
    <//>`;
  }
  const found = query.data?.factorCorrelations;
  const note =
    found &&
    `Weekly returns, ${integer(found.observations)} weeks in common, ${day(found.startDate)} – ${day(found.endDate)}`;
  return html`<${Section} title="Correlations" note=${note}>
    <${Loaded} query=${query} label="correlations">
      ${({ factorCorrelations: { runs: ordered, values } }) => {
        const names = ordered.map(shortName);
        const rows = ordered.map(({ id, factor }, row) => ({
          key: id,
          label: html`<span title=${factor.title}>${names[row]}</span>`,
          cells: values[row].map((value, column) => ({
            value: row === column ? null : value,
            text: row === column ? "·" : ratio(value),
            title: `${names[row]} and ${names[column]}: ${ratio(value, 3)}`,
          })),
        }));
        return html`<${HeatTable}
          caption="Correlations of the factors"
          columns=${names}
          rows=${rows}
          full=${1}
          headWidth="9.5rem"
        />`;
      }}
    <//>
  <//>`;
}
