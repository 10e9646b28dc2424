/* Growth of 100 in every factor on one chart. */

import { aligned } from "../../charts/days.js";
import { factorColor } from "../../charts/colors.js";
import { LineChart } from "../../charts/line_chart.js";
import { RangeBrush, RangeButtons } from "../../charts/range_brush.js";
import { shortName } from "../../lib/factors.js";
import { axisNumber, growth } from "../../lib/format.js";
import { html, useMemo } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { setParams } from "../../lib/router.js";
import { Empty } from "../../lib/states.js";
import { setLog, useLog } from "../../lib/use_log.js";
import { useDateRange } from "../../charts/use_range.js";

const START = [{ level: 100, color: "--line-strong" }];

export function GrowthPanel({ runs, params }) {
  const drawn = useMemo(() => runs.filter(({ growth }) => growth?.[0]?.dates.length > 1), [runs]);
  const { xs, lines } = useMemo(() => columnsOf(drawn), [drawn]);
  const [range, setRange] = useDateRange(params, xs);
  const log = useLog(params, lines);
  const rebase = params.rebase === "1" && range !== null;
  const hidden = params.hidden ? params.hidden.split(",") : [];
  const series = useMemo(
    () => (rebase ? lines.map((line) => rebased(line, xs, range[0])) : lines),
    [lines, xs, rebase, rebase && range[0]],
  );
  const missing = runs.filter((run) => !drawn.includes(run)).map((run) => run.factor.title);
  const toggle = (key) => {
    const next = hidden.includes(key) ? hidden.filter((one) => one !== key) : [...hidden, key];
    setParams({ hidden: next.join(",") || null });
  };
  const flag = (name, on) => setParams({ [name]: on ? "1" : null });
  if (!drawn.length) {
    return html`<${Section} title="Growth of 100">
      <${Empty} title="None of these runs has a return series" />
    <//>`;
  }
  const actions = html`
    <${RangeButtons} xs=${xs} range=${range} onRange=${setRange} />
    <label class="switch"><input
      type="checkbox"
      checked=${log}
      onChange=${() => setLog(!log, lines)}
    /> Log scale</label>
    <label class="switch" title="Every line begins at 100 where the range begins">
      <input
        type="checkbox"
        checked=${rebase}
        disabled=${range === null}
        onChange=${() => flag("rebase", !rebase)}
      /> Rebase
    </label>
  `;
  return html`<${Section}
    title="Growth of 100"
    note=${missing.length ? `Without a return series: ${missing.join(", ")}` : null}
    actions=${actions}
  >
    <${LineChart}
      label="Growth of 100 of the latest run of each factor"
      xs=${xs}
      series=${series}
      height=${340}
      marks=${START}
      format=${growth}
      axis=${axisNumber}
      log=${log}
      hidden=${hidden}
      onToggle=${toggle}
      range=${range}
      onRange=${setRange}
    />
    <${RangeBrush} xs=${xs} series=${lines} hidden=${hidden} log=${log} range=${range} onRange=${setRange} />
  <//>`;
}

function columnsOf(runs) {
  const { xs, columns } = aligned(runs.map(({ growth }) => growth[0]));
  const lines = runs.map((run, index) => ({
    key: run.factor.name,
    label: shortName(run),
    detail: run.factor.title,
    color: factorColor(run.factor.name),
    values: columns[index],
  }));
  return { xs, lines };
}

/** Scaled to 100 at the last value before the range, so that its first period counts. */
function rebased(line, xs, from) {
  const first = xs.findIndex((x) => x >= from);
  let start = null;
  for (let index = 0; index <= first; index += 1) {
    const value = line.values[index];
    if (value !== null && (index < first || start === null)) start = value;
  }
  if (!start) return line;
  return { ...line, values: line.values.map((value) => (value === null ? null : (value / start) * 100)) };
}
