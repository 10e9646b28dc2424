/* What the launch form is made of, loaded once a page load: the schema's inputs, the factors with their
   default options, and the datasets to choose from.

   const { data, failure, reload } = useLaunchData();   // data: { factors, general, datasets }

   A factor is { name, field, title, description, signal, requiredFields, own, shared, defaults }; see
   schema.js for the options. Deleted datasets are left out. */

import { asFailure } from "../../lib/failure.js";
import { request, requestAll } from "../../lib/graphql.js";
import { useCallback, useEffect, useState } from "../../lib/html.js";
import { onTokenChange } from "../../lib/token.js";
import { SCHEMA_QUERY, readSchema } from "./schema.js";

const DATASETS_QUERY = `query LaunchDatasets($after: String) {
  datasets(first: 100, after: $after) {
    nodes { id name label current synthetic fields assetCount firstDate lastDate }
    pageInfo { hasNextPage endCursor }
  }
}`;

let kept = null;

/** The schema does not change while its server runs: it is asked for once. */
function loadFactors() {
  kept ??= askForFactors().catch((reason) => {
    kept = null;
    throw reason;
  });
  return kept;
}

async function askForFactors() {
  const schema = readSchema(await request(SCHEMA_QUERY));
  const answer = await request(schema.defaultsQuery);
  const described = new Map(answer.factors.map((factor) => [factor.name, factor]));
  const factors = schema.factors
    .filter(({ name }) => described.has(name))
    .map((factor) => {
      const { defaultConfig, ...texts } = described.get(factor.name);
      return { ...factor, ...texts, defaults: defaultConfig };
    });
  return { factors, general: schema.general };
}

export function useLaunchData() {
  const [state, setState] = useState({ data: null, failure: null, loading: true });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => onTokenChange(reload), []);
  useEffect(() => {
    let wanted = true;
    Promise.all([loadFactors(), requestAll(DATASETS_QUERY)]).then(
      ([schema, { datasets }]) =>
        wanted && setState({ data: { ...schema, datasets: datasets.nodes }, failure: null, loading: false }),
      (reason) => wanted && setState((before) => ({ ...before, failure: asFailure(reason), loading: false })),
    );
    return () => {
      wanted = false;
    };
  }, [round]);
  return { ...state, reload };
}
