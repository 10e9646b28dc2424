/* The calendar: each month's return, each year's. */

import { HeatTable } from "../../charts/heat_table.js";
import { month, signed } from "../../lib/format.js";
import { html, useMemo } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function Months({ months }) {
  const { rows, full } = useMemo(() => calendar(months ?? []), [months]);
  if (!rows.length) return null;
  const note = "Compounded from the periods that end in the month; blue is a gain, orange a loss.";
  return html`<${Section} title="Monthly returns" note=${note}>
    <${HeatTable}
      caption="Returns by month and year"
      corner="Year"
      columns=${[...MONTHS, "Year"]}
      rows=${rows}
      full=${full}
      lastApart
    />
  <//>`;
}

function calendar(months) {
  const years = Map.groupBy(months, ({ year }) => year);
  const rows = [...years]
    .sort(([a], [b]) => b - a)
    .map(([year, found]) => {
      const cells = MONTHS.map((_, index) =>
        cell(found.find((one) => one.month === index + 1)?.return ?? null, month(year, index + 1)),
      );
      const known = found.map((one) => one.return).filter((value) => value !== null);
      const whole = known.length ? known.reduce((wealth, value) => wealth * (1 + value), 1) - 1 : null;
      return { key: year, label: String(year), cells: [...cells, cell(whole, String(year))] };
    });
  const sizes = months.map((one) => Math.abs(one.return ?? 0)).sort((a, b) => a - b);
  // The few wildest months would leave all others pale.
  return { rows, full: sizes[Math.floor(sizes.length * 0.95)] || 1 };
}

function cell(value, title) {
  return {
    value,
    text: value === null ? "" : signed(value),
    title: value === null ? title : `${title}: ${signed(value, 2)}`,
  };
}
