/* One run, as its kind shows it; while it is under way, how far it has come. */

import { kindOf, pageOf } from "../kinds/kind.js";
import { html } from "../lib/html.js";
import { PageHead } from "../lib/parts.js";
import { href } from "../lib/router.js";
import { Empty, ErrorPanel, Loading } from "../lib/states.js";
import { useModule } from "../lib/use_module.js";
import { useQuery } from "../lib/use_query.js";
import { RUN } from "./run/query.js";

export default function Run({ route }) {
  const id = route.parts[1] ?? "";
  const query = useQuery(RUN, { id }, { skip: !id });
  // A part that cannot be had, such as a damaged series, does not take the others away.
  const run = (query.failure ? query.failure.data : query.data)?.run;
  // Another run, or none: what was drawn of the last one must not stand under the new address.
  const current = run?.id === id ? run : null;
  const { module, failure } = useModule(current && pageOf(current));
  const failed = query.failure && html`<${ErrorPanel} failure=${query.failure} retry=${query.reload} />`;
  if (failed && !current) return html`<${PageHead} title="Run" />${failed}`;
  if (!id || (query.data && !run && !query.loading)) {
    return html`<${PageHead} title="No such run" />
      <${Empty} title="There is no run at this address"><a href=${href("/")}>Go to the overview</a><//>`;
  }
  if (failure) {
    return html`<${PageHead} title="Run" />
      <${ErrorPanel} failure=${failure} retry=${() => location.reload()} />`;
  }
  if (!module) return html`<${Loading} label="Loading the run" rows=${10} />`;
  return html`${failed}
    <${module.default} run=${current} kind=${kindOf(current)} reload=${query.reload} params=${route.params}
      key=${id} />`;
}
