/* A factor risk model of a dataset's assets. */

import { integer, percent, plural, words } from "../lib/format.js";

/** Names of the graph become words; sectors and the like stay as the dataset spells them. */
const spelt = (name) => (/^[A-Z][A-Z_0-9]+$/.test(name) ? words(name) : name);

export const riskModel = {
  name: "RISK_MODEL",
  typename: "RiskModelRun",
  noun: "risk model",
  // Not what came of it: that is read from files, too much for every row of a list.
  fields: "config { mode styles { style } }",
  subject: () => "Risk model",
  detail: ({ config: { mode, styles } }) =>
    `${words(mode)}, ${styles ? plural(styles.length, "style") : "default styles"}`,
  query: `
  query RiskModel($id: ID!) {
    run(id: $id) {
      ... on RiskModelRun {
        factors { name kind }
        skippedStyles { name }
        explainedVariance { sourcePointCount meanRSquared }
      }
    }
  }
`,
  facts({ factors, skippedStyles, explainedVariance }) {
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
  },
};
