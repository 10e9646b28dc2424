/* Whether growth is drawn on a logarithmic scale: as the address says (`log=1` or `log=0`), else where lines
   that grow many times over would press all others flat.

   const log = useLog(route.params, lines);   setLog(true, lines);   lines as of LineChart */

import { useMemo } from "./html.js";
import { setParams } from "./router.js";

const TIMES = 30;

export function useLog(params, lines) {
  const wide = useMemo(() => isWide(lines), [lines]);
  return params.log === undefined ? wide : params.log === "1";
}

export function setLog(log, lines) {
  setParams({ log: log === isWide(lines) ? null : log ? "1" : "0" });
}

function isWide(lines) {
  let least = Infinity;
  let greatest = 0;
  for (const { values } of lines) {
    for (const value of values) {
      if (value > 0 && value < least) least = value;
      if (value > greatest) greatest = value;
    }
  }
  return greatest > least * TIMES && least > 0.01;
}
