/* What the dashboard knows of a run's kind. A module that index.js lists exports one object:

   name, typename    the kind as a word, and its type in the graph
   noun              for people: "sweep"
   fields            what lists ask for, besides what every run has
   subject(run)      what it was done to; short(run) where there is less room
   detail(run)       what more there is to say of it, in a few words
   performance(run)  its { sharpeRatio annualizedReturn maxDrawdown }, or null
   orders            of lists of this kind alone, see factor.js
   page              loads the module whose default export draws one: ({ run, kind, reload, params });
                     without it pages/run/other.js does, which asks `query` and shows facts(run) and said(run)

   What may be left out: fields, short, detail, performance, orders, page. */

import { words } from "../lib/format.js";
import * as known from "./index.js";

export const kinds = Object.values(known);

const listQuery = (list, where, orderBy, fields) => `
  query Runs($where: ${where}, $orderBy: [${orderBy}!], $first: Int!, $after: String) {
    list: ${list}(where: $where, orderBy: $orderBy, first: $first, after: $after) {
      nodes {
        __typename id kind status origin createdAt durationMs tags
        progress { fraction }
        dataset { id label synthetic }
        ${fields}
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

/** For usePages: runs of all kinds, and of one in an order of its own. */
export const RUNS = listQuery(
  "runs",
  "RunWhere",
  "RunOrder",
  kinds.map(({ typename, fields = "id" }) => `... on ${typename} { ${fields} }`).join(" "),
);
export const runsInOrder = ({ orders: { list, where, orderBy }, fields }) =>
  listQuery(list, where, orderBy, fields);

/** A kind that is not listed, such as one of a newer version, has what every run has. */
export function kindOf({ __typename, kind }) {
  return (
    kinds.find(({ typename }) => typename === __typename) ?? {
      name: kind,
      noun: words(kind).toLowerCase(),
      subject: () => words(kind),
    }
  );
}

const otherPage = () => import("../pages/run/other.js");

export const pageOf = (run) => kindOf(run).page ?? otherPage;
export const kindTitle = (run) => words(kindOf(run).noun);
export const subjectOf = (run) => kindOf(run).subject(run);
export const shortSubjectOf = (run) => (kindOf(run).short ?? kindOf(run).subject)(run);
export const detailOf = (run) => kindOf(run).detail?.(run) ?? null;
export const performanceOf = (run) => kindOf(run).performance?.(run) ?? null;
