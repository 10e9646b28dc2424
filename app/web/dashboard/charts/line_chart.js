/* A chart of lines over dates.

   <${LineChart} label="Growth of 100" xs=${seconds} height=${300} format=${(value) => text} axis=${as format} log=${false}
     series=${[{ key, label, color: "--series-1", values, width, dash, fill, detail }]} base=${0}
     hidden=${["MARKET"]} onToggle=${(key) => ...}        legend entries are switches where it is given
     range=${[from, to] or null} onRange=${(range) => ...}  dragging over the chart; double click = null
     marks=${[...see plot_options.js]} syncKey="run" />    charts with the same key move their cursors together

   The legend tells every value at the cursor, or the last one. The arrow keys move the cursor too. */

import uPlot from "../vendor/uplot.js";
import { dayOfSeconds } from "../core/format.js";
import { html, useLayoutEffect, useMemo, useRef, useState } from "../core/html.js";
import { useTheme } from "../core/theme.js";
import { plotOptions } from "./plot_options.js";

export function LineChart(props) {
  const {
    label,
    xs,
    series,
    height = 280,
    format,
    hidden = [],
    onToggle = null,
    range = null,
    onRange = null,
  } = props;
  const { axis = format, log = false, base, marks = [], syncKey, legend = true, padTop } = props;
  const host = useRef(null);
  const plot = useRef(null);
  const [theme] = useTheme();
  const [width, setWidth] = useState(0);
  const [index, setIndex] = useState(null);
  const [spoken, setSpoken] = useState("");
  const announce = useRef(onRange);
  announce.current = onRange;

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(host.current);
    setWidth(host.current.clientWidth);
    return () => observer.disconnect();
  }, []);

  const columns = useMemo(
    () => [xs, ...series.map(({ values }) => (log ? values.map(positive) : values))],
    [xs, series, log],
  );
  useLayoutEffect(() => {
    if (width === 0) return undefined;
    const shown = series.map((one) => ({ ...one, shown: !hidden.includes(one.key) }));
    const hooks = {
      setCursor: [(made) => setIndex(made.cursor.idx ?? null)],
      setSelect: [(made) => selected(made, announce.current)],
    };
    const options = plotOptions({
      series: shown,
      width,
      height,
      format: axis,
      log,
      base,
      range,
      marks,
      syncKey,
      hooks,
      padTop,
    });
    const made = new uPlot(options, columns, host.current);
    made.over.addEventListener("dblclick", () => announce.current?.(null));
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
      setIndex(null);
    };
  }, [
    columns,
    width,
    height,
    log,
    base,
    theme,
    hidden.join(),
    range?.[0],
    range?.[1],
    JSON.stringify(marks),
    syncKey,
  ]);

  const inside = insideRange(xs, range);
  const move = (event) => {
    const target = moved(event, index, inside);
    if (target === null || plot.current === null) return;
    event.preventDefault();
    plot.current.setCursor({ left: plot.current.valToPos(xs[target], "x"), top: 0 });
    const visible = series.filter(({ key }) => !hidden.includes(key));
    const values = visible.map((one) => `${one.label} ${format(valueAt(one.values, target))}`);
    setSpoken(`${dayOfSeconds(xs[target])}: ${values.join(", ")}`);
  };
  const at = index ?? inside[1];
  return html`<div class="chart">
    ${
      legend &&
      html`<${Legend}
      series=${series}
      hidden=${hidden}
      onToggle=${onToggle}
      at=${at}
      day=${xs[at]}
      format=${format}
    />`
    }
    <div
      class="chart-canvas"
      ref=${host}
      tabindex="0"
      role="group"
      aria-roledescription="line chart"
      aria-label="${label}. The arrow keys read the values."
      style=${{ minHeight: `${height}px` }}
      onKeyDown=${move}
    ></div>
    <span class="visually-hidden" role="status">${spoken}</span>
  </div>`;
}

function Legend({ series, hidden, onToggle, at, day, format }) {
  return html`<div class="legend">
    <span class="legend-day">${dayOfSeconds(day)}</span>
    ${series.map((one) => {
      const shown = !hidden.includes(one.key);
      const swatch = html`<span
        class="swatch ${one.dash ? "swatch-dashed" : ""}"
        style=${{ color: `var(${one.color})` }}
        aria-hidden="true"
      ></span>`;
      const content = html`${swatch}<span>${one.label}</span> <strong>${format(valueAt(one.values, at))}</strong>`;
      return onToggle
        ? html`<button
          type="button"
          class="legend-entry"
          key=${one.key}
          aria-pressed=${shown}
          title=${one.detail}
          onClick=${() => onToggle(one.key)}
        >
          ${content}
        </button>`
        : html`<span class="legend-entry" key=${one.key} title=${one.detail}>${content}</span>`;
    })}
  </div>`;
}

/** The value on that date, or the one last before it. */
function valueAt(values, at) {
  for (let index = at; index >= 0; index -= 1) {
    if (values[index] !== null && values[index] !== undefined) return values[index];
  }
  return null;
}

const positive = (value) => (value > 0 ? value : null);

function insideRange(xs, range) {
  if (range === null) return [0, xs.length - 1];
  const first = xs.findIndex((x) => x >= range[0]);
  const last = xs.findLastIndex((x) => x <= range[1]);
  return [Math.max(first, 0), last < 0 ? xs.length - 1 : last];
}

function moved({ key }, index, [first, last]) {
  const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[key];
  if (key === "Home") return first;
  if (key === "End") return last;
  if (step === undefined) return null;
  return Math.min(Math.max((index ?? last + (step < 0 ? 1 : 0)) + step, first), last);
}

function selected(plot, onRange) {
  const { left, width } = plot.select;
  if (width < 6) return;
  const range = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onRange?.(range);
}
