/* Names of factors short enough for a legend.

   shortName({ factor: { name, title }, config: { longSide? } }) -> "Size", "Value (long expensive)" ...
   titleParts("Size (small minus big)") -> ["Size", "small minus big"] */

const VALUE_SIDES = { HIGH: "long expensive", LOW: "long cheap" };

export function shortName({ factor, config }) {
  const [short] = titleParts({ factor });
  // Which end is long turns the meaning round, so that it is never left out.
  return factor.name === "VALUE" ? `${short} (${VALUE_SIDES[config?.longSide] ?? "long expensive"})` : short;
}

export function titleParts({ factor, config }) {
  if (factor.name === "VALUE" && config?.longSide) {
    return [
      "Value",
      `${config.longSide === "LOW" ? "academic" : "historical"} direction: ${VALUE_SIDES[config.longSide]}`,
    ];
  }
  const [, main, detail] = factor.title.match(/^([^(]*?)\s*(?:\((.*)\))?$/) ?? [null, factor.title, null];
  return [main || factor.title, detail ?? null];
}
