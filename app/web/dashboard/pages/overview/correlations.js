/* How the factors' weekly returns move together. */

import { HeatTable } from "../../charts/heat_table.js";
import { day, integer, ratio } from "../../core/format.js";
import { shortName } from "../../core/factors.js";
import { html, useMemo } from "../../core/html.js";
import { Section } from "../../core/layout.js";
import { Empty, Loaded } from "../../core/states.js";
import { useQuery } from "../../core/use_query.js";

const CORRELATIONS = `
  query Correlations($runs: [ID!]!) {
    factorCorrelations(runs: $runs) { runs { id factor { name title } config { ... on ValueConfig { longSide } } } values observations startDate endDate }
  }
`;

export function Correlations({ runs }) {
  const weekly = useMemo(
    () => runs.filter(({ growth, config }) => growth?.[0]?.dates.length > 1 && (config.rebalance ?? "WEEKLY") === "WEEKLY"),
    [runs],
  );
  const few = weekly.length < 2;
  const query = useQuery(CORRELATIONS, { runs: weekly.map(({ id }) => id) }, { skip: few });
  if (few) {
    return html`<${Section} title="Correlations"><${Empty} title="Two weekly runs with return series are needed" /><//>`;
  }
  const found = query.data?.factorCorrelations;
  const note = found && `Weekly returns, ${integer(found.observations)} weeks in common, ${day(found.startDate)} – ${day(found.endDate)}`;
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
        return html`<${HeatTable} caption="Correlations of the factors" columns=${names} rows=${rows} full=${1} headWidth="9.5rem" />`;
      }}
    <//>
  <//>`;
}
