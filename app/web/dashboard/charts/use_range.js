/* The range of dates that charts show, drawn at once; `from` and `to` of the address follow after a moment.

   const [range, setRange] = useDateRange(route.params, xs);   [from, to] in seconds, or null for all */

import { dayText, seconds } from "./days.js";
import { useEffect, useState } from "../lib/html.js";
import { setParams } from "../lib/router.js";

const PAUSE = 250;

export function useDateRange(params, xs) {
  const given = params.from && params.to ? [seconds(params.from), seconds(params.to)] : null;
  const [range, setRange] = useState(given);
  useEffect(() => setRange(given), [params.from, params.to]);
  useEffect(() => {
    const timer = setTimeout(() => {
      const next =
        range === null ? { from: null, to: null } : { from: dayText(range[0]), to: dayText(range[1]) };
      if ((params.from ?? null) !== next.from || (params.to ?? null) !== next.to) setParams(next);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [range]);
  const valid = range !== null && range[0] < range[1] && range[0] < xs.at(-1) && range[1] > xs[0];
  return [valid ? range : null, setRange];
}
