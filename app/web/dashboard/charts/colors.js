/* Which colour stands for what. A factor has the same one on every view,
   one that is new here by its name. */

const FACTORS = {
  SMB: "--series-1",
  VALUE: "--series-2",
  MOMENTUM: "--series-3",
  MOMENTUM_V2: "--series-4",
  GROWTH: "--series-5",
  MARKET: "--series-6",
};

export function factorColor(name) {
  const sum = [...name].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return FACTORS[name] ?? `--series-${1 + (sum % 6)}`;
}

/** Blue above zero, orange below, deeper with size up to `full`; none for what is not known. Text on it stays
    readable: no deeper than 55 %. */
export function diverging(value, full) {
  if (value === null || value === undefined) return {};
  const share = Math.min(Math.abs(value) / full, 1);
  const mix = Math.round(share * 55);
  return {
    background: `color-mix(in oklab, var(${value >= 0 ? "--above" : "--below"}) ${mix}%, var(--surface))`,
  };
}
