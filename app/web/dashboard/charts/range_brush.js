/* Chooses a part of a time line: a small copy of the chart whose window is dragged, or moved by the keyboard.

   <${RangeBrush} xs=${seconds} series=${as of LineChart} hidden=${[...]} log=${false}
     range=${[from, to] or null} onRange=${(range or null) => ...} /> */

import uPlot from "../vendor/uplot.js";
import { dayOfSeconds } from "../lib/format.js";
import { html, useLayoutEffect, useRef, useState } from "../lib/html.js";
import { useTheme } from "../lib/theme.js";
import { DAY } from "./days.js";
import { plotOptions } from "./plot_options.js";

const HEIGHT = 44;
const LEAST = 14 * DAY;

export function RangeBrush({ xs, series, hidden = [], log = false, range, onRange }) {
  const host = useRef(null);
  const grip = useRef(null);
  const [theme] = useTheme();
  const [width, setWidth] = useState(0);
  const [first, last] = [xs[0], xs.at(-1)];
  const [from, to] = range ?? [first, last];

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(host.current);
    setWidth(host.current.clientWidth);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (width === 0) return undefined;
    const shown = series.map((one) => ({ ...one, fill: false, shown: !hidden.includes(one.key) }));
    const columns = [
      xs,
      ...series.map(({ values }) => (log ? values.map((value) => (value > 0 ? value : null)) : values)),
    ];
    const made = new uPlot(
      plotOptions({ series: shown, width, height: HEIGHT, format: String, log, range: null, bare: true }),
      columns,
      host.current,
    );
    return () => made.destroy();
  }, [xs, series, width, theme, log, hidden.join()]);

  const settle = (low, high) => {
    const next = [Math.max(low, first), Math.min(high, last)];
    onRange(next[0] <= first && next[1] >= last ? null : next);
  };
  const begin = (edge) => (event) => {
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    grip.current = { edge, x: event.clientX, from, to };
  };
  const drag = (event) => {
    if (!grip.current) return;
    const { edge, x, from: low, to: high } = grip.current;
    const shift = ((event.clientX - x) / width) * (last - first);
    if (edge === "from") settle(Math.min(low + shift, high - LEAST), high);
    else if (edge === "to") settle(low, Math.max(high + shift, low + LEAST));
    else {
      const kept = Math.min(Math.max(shift, first - low), last - high);
      settle(low + kept, high + kept);
    }
  };
  const release = () => {
    grip.current = null;
  };
  const keys = (edge) => (event) => {
    const step = { ArrowLeft: -7, ArrowRight: 7, PageUp: -91, PageDown: 91 }[event.key];
    const end = { Home: first, End: last }[event.key];
    if (step === undefined && end === undefined) return;
    event.preventDefault();
    const target = end ?? (edge === "from" ? from : to) + step * DAY;
    if (edge === "from") settle(Math.min(target, to - LEAST), to);
    else settle(from, Math.max(target, from + LEAST));
  };
  const share = (value) => `${((value - first) / (last - first || 1)) * 100}%`;
  const listen = { onPointerMove: drag, onPointerUp: release, onPointerCancel: release };
  const handle = (edge, value, name) => html`<div
    class="brush-handle"
    role="slider"
    tabindex="0"
    aria-label=${name}
    aria-valuemin=${first}
    aria-valuemax=${last}
    aria-valuenow=${Math.round(value)}
    aria-valuetext=${dayOfSeconds(value)}
    style=${{ left: share(value) }}
    onPointerDown=${begin(edge)}
    onKeyDown=${keys(edge)}
    ...${listen}
  ></div>`;
  return html`<div class="brush" style=${{ height: `${HEIGHT}px` }} onDblClick=${() => onRange(null)}>
    <div class="brush-lines" ref=${host} aria-hidden="true"></div>
    <div class="brush-shade" style=${{ left: 0, width: share(from) }}></div>
    <div class="brush-shade" style=${{ left: share(to), right: 0 }}></div>
    <div
      class="brush-window"
      style=${{ left: share(from), width: `calc(${share(to)} - ${share(from)})` }}
      onPointerDown=${begin("window")}
      ...${listen}
    ></div>
    ${handle("from", from, "Start of the range")} ${handle("to", to, "End of the range")}
  </div>`;
}

const SPANS = [
  ["1 y", 1],
  ["2 y", 2],
  ["3 y", 3],
  ["5 y", 5],
];

/** Buttons for the last years of a time line; those longer than it are left out. */
export function RangeButtons({ xs, range, onRange }) {
  const [first, last] = [xs[0], xs.at(-1)];
  const spans = SPANS.map(([text, years]) => [text, last - years * 365.25 * DAY]).filter(
    ([, from]) => from > first,
  );
  if (!spans.length && range === null) return null;
  const isRange = (from) => range !== null && Math.abs(range[0] - from) < DAY && range[1] === last;
  return html`<div class="segments" role="group" aria-label="Range">
    ${spans.map(
      ([text, from]) =>
        html`<button
          type="button"
          key=${text}
          aria-pressed=${isRange(from)}
          onClick=${() => onRange([from, last])}
        >
          ${text}
        </button>`,
    )}
    <button type="button" aria-pressed=${range === null} onClick=${() => onRange(null)}>All</button>
  </div>`;
}
