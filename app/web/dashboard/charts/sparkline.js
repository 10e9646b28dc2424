/* A line without axes, small enough for a table cell.

   <${Sparkline} values=${[0, -0.1, ...]} color="--below" label="Drawdown, at worst 15.7 %" area /> */

import { html, useMemo } from "../lib/html.js";

const WIDTH = 120;
const HEIGHT = 26;

export function Sparkline({ values, color, label, low = null }) {
  const path = useMemo(() => linePath(values, low), [values, low]);
  if (path === null) return html`<span class="muted">–</span>`;
  return html`<svg
    class="sparkline"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    width=${WIDTH}
    height=${HEIGHT}
    role="img"
    aria-label=${label}
    style=${{ color: `var(${color})` }}
  >
    <path d="${path}L${WIDTH} 1L0 1Z" fill="currentColor" opacity="0.18" />
    <path d=${path} fill="none" stroke="currentColor" stroke-width="1.2" stroke-linejoin="round" />
  </svg>`;
}

/** From 0 at the top down to `low`, by default the least value. */
function linePath(values, low) {
  const least = low ?? Math.min(...values);
  if (values.length < 2 || !(least < 0)) return null;
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * WIDTH;
    const y = 1 + (Math.min(value ?? 0, 0) / least) * (HEIGHT - 3);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M${points.join("L")}`;
}
