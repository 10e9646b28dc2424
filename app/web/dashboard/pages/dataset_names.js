/* The versions of all datasets, to choose from.

   const datasets = useDatasetNames();   // [{ id, label }], newest first; null until they are there */

import { requestAll } from "../lib/graphql.js";
import { useQuery } from "../lib/use_query.js";

const DATASETS = `query DatasetNames($after: String) {
  datasets(first: 100, after: $after) { nodes { id label } pageInfo { hasNextPage endCursor } }
}`;

export function useDatasetNames() {
  const { data } = useQuery(DATASETS, {}, { ask: requestAll });
  return data?.datasets?.nodes ?? null;
}
