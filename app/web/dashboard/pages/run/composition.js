/* What the run held in any period, and what each holding added. */

import { compact, day, plural, ratio, signed, weight } from "../../lib/format.js";
import { asFailure } from "../../lib/failure.js";
import { request } from "../../lib/graphql.js";
import { html, useEffect, useRef, useState } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { setParams } from "../../lib/router.js";
import { Empty, ErrorPanel, Loading } from "../../lib/states.js";
import { Table } from "../../lib/table.js";

const COMPOSITION = `
  query Composition($id: ID!, $date: Date!) {
    run(id: $id) {
      id
      ... on FactorRun {
        composition(date: $date) {
          date
          startDate
          long { asset weight periodReturn signal marketCap }
          short { asset weight periodReturn signal marketCap }
        }
      }
    }
  }
`;
const PAUSE = 60;

export function Composition({ run, date }) {
  const dates = run.compositionDates ?? [];
  if (!dates.length) {
    return html`<${Section} title="Composition">
      <${Empty} title="Its holdings are not known">Imported runs come without them.<//>
    <//>`;
  }
  const index = date === null ? dates.length - 1 : chosenIndex(dates, date);
  return html`<${Holdings} run=${run} dates=${dates} index=${index} />`;
}

/** The period that contains the day: the first that ends on it or after it. */
function chosenIndex(dates, date) {
  const found = dates.findIndex((end) => end >= date);
  return found < 0 ? dates.length - 1 : found;
}

function Holdings({ run, dates, index }) {
  const { composition, failure, retry } = useComposition(run.id, dates[index]);
  const go = (target) => {
    const next = Math.min(Math.max(target, 0), dates.length - 1);
    setParams({ date: next === dates.length - 1 ? null : dates[next] });
  };
  const note = composition && `Decided on ${day(composition.startDate)}, held until ${day(composition.date)}`;
  return html`<${Section} title="Composition" note=${note ?? " "} id="composition">
    <div class="slider">
      <button
        type="button"
        class="button"
        aria-label="Period before"
        disabled=${index === 0}
        onClick=${() => go(index - 1)}
      >
        ‹
      </button>
      <input
        type="range"
        min="0"
        max=${dates.length - 1}
        value=${index}
        aria-label="Period"
        aria-valuetext="Period that ends on ${day(dates[index])}"
        onInput=${(event) => go(Number(event.currentTarget.value))}
      />
      <button
        type="button"
        class="button"
        aria-label="Period after"
        disabled=${index === dates.length - 1}
        onClick=${() => go(index + 1)}
      >
        ›
      </button>
      <output>${day(dates[index])}</output>
    </div>
    ${
      failure
        ? html`<${ErrorPanel} failure=${failure} retry=${retry} />`
        : composition === null
          ? html`<${Loading} label="Loading the composition" rows=${8} />`
          : html`<${Legs} composition=${composition} longOnly=${run.factor.longOnly} />`
    }
  <//>`;
}

/** The composition of a date; those seen before are kept, and while the slider moves the last one stays. */
function useComposition(id, date) {
  const seen = useRef(new Map());
  const [state, setState] = useState({ composition: null, failure: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const known = seen.current.get(date);
    if (known) {
      setState({ composition: known, failure: null });
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const { run } = await request(COMPOSITION, { id, date }, { signal: abort.signal });
        seen.current.set(date, run.composition);
        if (!abort.signal.aborted) setState({ composition: run.composition, failure: null });
      } catch (reason) {
        if (!abort.signal.aborted) setState({ composition: null, failure: asFailure(reason) });
      }
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [id, date, round]);
  return { ...state, retry: () => setRound(round + 1) };
}

function Legs({ composition, longOnly }) {
  return html`<div class="grid legs">
    <${Leg} name="Long" sign=${1} holdings=${composition.long} />
    ${!longOnly && html`<${Leg} name="Short" sign=${-1} holdings=${composition.short} />`}
  </div>`;
}

function Leg({ name, sign, holdings }) {
  const heaviest = Math.max(...holdings.map((holding) => holding.weight), 0);
  const contribution = (holding) =>
    holding.periodReturn === null ? null : sign * holding.weight * holding.periodReturn;
  const known = holdings.map(contribution).filter((value) => value !== null);
  const total = known.length ? known.reduce((sum, value) => sum + value, 0) : null;
  const columns = [
    { key: "asset", label: "Asset", header: true, value: (holding) => holding.asset },
    {
      key: "weight",
      label: "Weight",
      title: "Inside the leg; a leg's weights sum to 100 %",
      numeric: true,
      value: (holding) => holding.weight,
      render: ({ weight: held }) =>
        html`<span class="bar" style=${{ "--share": held / heaviest }}>${weight(held)}</span>`,
    },
    {
      key: "return",
      label: "Return",
      title: "The asset's own return in the period",
      numeric: true,
      value: (holding) => holding.periodReturn,
      render: (holding) => signed(holding.periodReturn),
    },
    {
      key: "contribution",
      label: "Contribution",
      title: "What it added to the factor's return",
      numeric: true,
      value: contribution,
      render: (holding) => {
        const value = contribution(holding);
        const kind = Math.abs(value) < 0.00005 ? "" : value < 0 ? "below" : "above";
        return html`<span class=${kind}>${signed(value, 2)}</span>`;
      },
    },
    {
      key: "signal",
      label: "Signal",
      numeric: true,
      value: (holding) => holding.signal,
      render: (holding) => signalText(holding.signal),
    },
    {
      key: "cap",
      label: "Market cap",
      numeric: true,
      value: (holding) => holding.marketCap,
      render: (holding) => compact(holding.marketCap),
    },
  ];
  return html`<div class="leg">
    <h3>
      ${name} leg <span class="muted">${plural(holdings.length, "asset")}, contributed</span> ${signed(total, 2)}
    </h3>
    <div class="leg-rows">
      <${Table}
        caption="${name} leg"
        columns=${columns}
        rows=${holdings}
        rowKey=${(holding) => holding.asset}
        sort=${{ key: "weight", descending: true }}
      />
    </div>
  </div>`;
}

function signalText(value) {
  if (value === null) return ratio(null);
  const size = Math.abs(value);
  if (size >= 10_000) return compact(value);
  return ratio(value, size >= 100 ? 0 : size >= 1 ? 2 : 3);
}
