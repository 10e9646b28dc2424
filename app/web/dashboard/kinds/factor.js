/* A factor model on a dataset. */

import { shortName } from "../lib/factors.js";

export const factor = {
  name: "FACTOR",
  typename: "FactorRun",
  noun: "factor run",
  fields: `
    factor { name title }
    config { ... on ValueConfig { longSide } }
    performance { annualizedReturn sharpeRatio maxDrawdown }`,
  subject: (run) => run.factor.title,
  short: shortName,
  performance: (run) => run.performance,
  /* The list of this kind alone, the types of its arguments, and what it calls the subject. */
  orders: {
    list: "factorRuns",
    where: "FactorRunWhere",
    orderBy: "FactorRunOrder",
    subject: "factor",
    choices: [
      { name: "SHARPE_RATIO", label: "Best Sharpe ratio", direction: "DESC" },
      { name: "ANNUALIZED_RETURN", label: "Best annualised return", direction: "DESC" },
      { name: "MAX_DRAWDOWN", label: "Deepest drawdown", direction: "ASC" },
    ],
  },
  page: () => import("../pages/run/factor.js"),
};
