/* A chart of lines over dates.

   <${LineChart} label="Growth of 100" xs=${seconds} height=${300} format=${(value) => text} axis=${as format}
     log=${false}
     series=${[{ key, label, color: "--series-1", values, width, dash, fill, detail }]} base=${0}
     hidden=${["MARKET"]} onToggle=${(key) => ...}        legend entries are switches where it is given
     range=${[from, to] or null} onRange=${(range) => ...}  dragging over the chart; double click = null
     marks=${[...see plot_options.js]} syncKey="run" />   charts with one key move their cursors together

   The legend tells every value at the cursor, or the last ones. The arrow keys move the cursor too. */

import uPlot from "../vendor/uplot.js";
import { dayOfSeconds } from "../lib/format.js";
import { html, useLayoutEffect, useMemo, useRef, useState } from "../lib/html.js";
import { useTheme } from "../lib/theme.js";
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
  const { axis = format, log = false, base, marks = [], syncKey, padTop } = props;
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
  return html`<div class="chart">
    <${Legend}
      series=${series}
      hidden=${hidden}
      onToggle=${onToggle}
      index=${index}
      xs=${xs}
      last=${inside[1]}
      format=${format}
    />
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

/** Values at the cursor; without one each line's last in the range, which may lie before its end. */
function Legend({ series, hidden, onToggle, index, xs, last, format }) {
  const ends = series.map(({ values }) => lastIndex(values, last));
  const shared = ends.every((end) => end === ends[0]);
  const day = index !== null ? dayOfSeconds(xs[index]) : shared ? dayOfSeconds(xs[ends[0]]) : "Last values";
  const read = (values, place) => (index === null ? (values[ends[place]] ?? null) : valueAt(values, index));
  return html`<div class="legend">
    <span class="legend-day">${day}</span>
    ${series.map((one, place) => {
      const shown = !hidden.includes(one.key);
      const swatch = html`<span
        class="swatch ${one.dash ? "swatch-dashed" : ""}"
        style=${{ color: `var(${one.color})` }}
        aria-hidden="true"
      ></span>`;
      const value = format(read(one.values, place));
      const content = html`${swatch}<span>${one.label}</span> <strong>${value}</strong>`;
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

function lastIndex(values, from) {
  let index = from;
  while (index >= 0 && (values[index] ?? null) === null) index -= 1;
  return index;
}

/** The value on that date; between two of a line's own dates the earlier one; null before and after all. */
function valueAt(values, at) {
  if ((values[at] ?? null) !== null) return values[at];
  const before = lastIndex(values, at);
  const goesOn = values.slice(at + 1).some((value) => (value ?? null) !== null);
  return before >= 0 && goesOn ? values[before] : null;
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
