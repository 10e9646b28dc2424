/* A fetch of daily data from a vendor. */

import { day, words } from "../lib/format.js";
import { html } from "../lib/html.js";
import { href } from "../lib/router.js";

const days = ({ startDate, endDate }) => `${day(startDate)} \u2013 ${day(endDate)}`;

export const fetch = {
  name: "FETCH",
  typename: "FetchRun",
  noun: "fetch",
  fields: "source startDate endDate datasetName",
  subject: (run) => run.datasetName,
  detail: (run) => `${words(run.source)}, ${days(run)}`,
  query: `
  query Fetch($id: ID!) {
    run(id: $id) {
      ... on FetchRun {
        source
        startDate
        endDate
        assets
        datasetName
        dataset { id label }
        report { lostAssets { asset } notes }
      }
    }
  }
`,
  said: ({ report }) => report?.notes.join(" "),
  facts({ source, startDate, endDate, assets, datasetName, dataset, report }) {
    return [
      ["Source", words(source)],
      ["Days", days({ startDate, endDate })],
      ["Assets", assets?.length ? assets.join(", ") : "all that the source recommends"],
      ["Dataset", dataset ? html`<a href=${href("/datasets", dataset.id)}>${dataset.label}</a>` : datasetName],
      ...(report?.lostAssets.length
        ? [["Without data", report.lostAssets.map(({ asset }) => asset).join(", ")]]
        : []),
    ];
  },
};
