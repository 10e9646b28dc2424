/* Options of uPlot for this page's line charts: scales, axes in the theme's colours, marks. */

import uPlot from "../vendor/uplot.js";
import { token } from "../lib/theme.js";

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const LOG_STEPS = [
  [1],
  [1, 3],
  [1, 2, 5],
  [1, 1.5, 2, 3, 4, 5, 7],
  [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9],
];

export function plotOptions({
  series,
  width,
  height,
  format,
  log,
  base,
  range,
  marks,
  syncKey,
  hooks,
  bare,
  padTop,
}) {
  const ink = token("--ink-3");
  const line = token("--line");
  return {
    width,
    height,
    // Days have no zone: ticks lie where they begin in UTC, as the points do, wherever the reader is.
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    padding: bare ? [2, 0, 2, 0] : [padTop ?? 8, 10, 0, 0],
    legend: { show: false },
    cursor: bare
      ? { show: false }
      : {
          x: true,
          y: false,
          points: {
            size: 7,
            width: 1.5,
            stroke: (plot, index) => plot.series[index].stroke(plot, index),
            fill: () => token("--surface"),
          },
          drag: { x: true, y: false, setScale: false, dist: 6 },
          sync: syncKey ? { key: syncKey, setSeries: false } : undefined,
        },
    select: { show: !bare },
    scales: {
      x: { time: true, range: (plot, least, greatest) => range ?? [least, greatest] },
      y: log
        ? { distr: 3, log: 10, range: logRange }
        : { range: (plot, least, greatest) => linearRange(least, greatest, base) },
    },
    axes: bare
      ? [{ show: false }, { show: false }]
      : [
          {
            font: FONT,
            stroke: ink,
            grid: { show: false },
            ticks: { stroke: line, width: 1, size: 4 },
            border: { show: true, stroke: line, width: 1 },
            space: 70,
            size: 26,
            gap: 4,
            values: (plot, splits, index, space, step) => dateLabels(splits, step),
          },
          {
            font: FONT,
            stroke: ink,
            grid: { stroke: line, width: 1 },
            ticks: { show: false },
            size: 54,
            gap: 6,
            space: height < 160 ? 22 : 34,
            splits: log ? logSplits : undefined,
            filter: log ? (plot, splits) => splits : undefined,
            values: (plot, splits) => splits.map((value) => (value === null ? "" : format(value))),
          },
        ],
    series: [
      {},
      ...series.map(({ color, width: stroke = 1.6, dash, fill, shown = true, stepped }) => ({
        show: shown,
        stroke: () => token(color),
        width: bare ? 1 : stroke,
        dash,
        fill: fill ? () => withAlpha(token(color), 0.16) : undefined,
        fillTo: 0,
        points: { show: false },
        spanGaps: !stepped,
      })),
    ],
    hooks: { ...hooks, drawClear: [(plot) => drawMarks(plot, marks)] },
  };
}

function linearRange(least, greatest, base) {
  if (least === null || greatest === null) return [0, 1];
  const low = base === undefined ? least : Math.min(least, base);
  const high = base === undefined ? greatest : Math.max(greatest, base);
  const pad = (high - low || Math.abs(high) || 1) * 0.05;
  return [low === base ? low : low - pad, high === base ? high : high + pad];
}

function logRange(plot, least, greatest) {
  if (!(least > 0)) return [1, 10];
  const pad = Math.max((greatest / least) ** 0.05, 1.01);
  return [least / pad, greatest * pad];
}

/** Round numbers at about 40 px, however few powers of ten there are. */
function logSplits(plot, axis, least, greatest) {
  const wanted = Math.max(2, Math.floor(plot.bbox.height / devicePixelRatio / 44));
  let best = [];
  for (const steps of LOG_STEPS) {
    const found = [];
    for (let power = Math.floor(Math.log10(least)); power <= Math.log10(greatest); power += 1) {
      found.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(4))));
    }
    const inside = found.filter((value) => value >= least && value <= greatest);
    if (inside.length > wanted + 2 && best.length >= 2) break;
    best = inside;
  }
  return best;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A year where it begins, else the month, with the day when they are close. */
function dateLabels(splits, step) {
  let year = null;
  return splits.map((value) => {
    const at = new Date(value * 1000);
    const changed = at.getUTCFullYear() !== year;
    year = at.getUTCFullYear();
    if (step >= 364 * 86_400) return String(year);
    const day = step < 27 * 86_400 ? `${at.getUTCDate()} ` : "";
    return changed ? `${day}${MONTHS[at.getUTCMonth()]} ${year}` : `${day}${MONTHS[at.getUTCMonth()]}`;
  });
}

/** Marks have a colour and are { from, to }, a band, { at, label }, an upright line (seconds), or { level }. */
function drawMarks(plot, marks) {
  if (!marks?.length) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { from, to, at, level, label, color } of marks) {
    const ink = token(color);
    if (level !== undefined) {
      const y = Math.round(plot.valToPos(level, "y", true)) + 0.5;
      ctx.fillStyle = ink;
      ctx.fillRect(bbox.left, y, bbox.width, devicePixelRatio);
    } else if (at === undefined) {
      const left = plot.valToPos(from, "x", true);
      ctx.fillStyle = withAlpha(ink, 0.14);
      ctx.fillRect(left, bbox.top, Math.max(plot.valToPos(to, "x", true) - left, 1), bbox.height);
    } else {
      const x = Math.round(plot.valToPos(at, "x", true)) + 0.5;
      ctx.strokeStyle = ink;
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      if (label) {
        ctx.font = FONT.replace("11px", `${11 * devicePixelRatio}px`);
        ctx.fillStyle = ink;
        const right = x > bbox.left + bbox.width / 2;
        ctx.textAlign = right ? "right" : "left";
        ctx.fillText(label, x + (right ? -6 : 6) * devicePixelRatio, bbox.top + 12 * devicePixelRatio);
      }
    }
  }
  ctx.restore();
}

export function withAlpha(color, alpha) {
  const [red, green, blue] = color.match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16));
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}
