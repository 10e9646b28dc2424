/* A factor model in many configurations. */

import { shortName } from "../lib/factors.js";
import { integer, percent, plural, ratio, signed, words } from "../lib/format.js";

const named = ({ option, text }) => `${words(option)} ${text}`;

export const sweep = {
  name: "SWEEP",
  typename: "SweepRun",
  noun: "sweep",
  fields: `
    factor { name title }
    config { ... on ValueConfig { longSide } }
    gridSize
    sampleSize
    result { best { annualizedReturn sharpeRatio maxDrawdown } }`,
  subject: (run) => run.factor.title,
  short: shortName,
  detail: ({ status, gridSize, sampleSize }) =>
    `${status === "SUCCEEDED" ? "best of " : ""}${plural(sampleSize ?? gridSize, "config")}`,
  performance: (run) => run.result?.best,
  query: `
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
`,
  said: ({ result }) => result?.verdict,
  facts({ factor, axes, result }) {
    const tried = axes.map(({ option, valueCount }) => `${words(option)} (${integer(valueCount)})`);
    const facts = [
      ["Factor", factor.title],
      ["Options tried", tried.join(", ")],
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
  },
};
