/* A module that is loaded when it is first needed.

   const { module, failure } = useModule(load);   load imports it; both are null until then */

import { unreachable } from "./failure.js";
import { useLayoutEffect, useState } from "./html.js";

const NOTHING = { load: null, module: null, failure: null };

export function useModule(load) {
  const [state, setState] = useState(NOTHING);
  useLayoutEffect(() => {
    let wanted = true;
    load?.().then(
      (module) => wanted && setState({ load, module, failure: null }),
      () => wanted && setState({ load, module: null, failure: unreachable() }),
    );
    return () => {
      wanted = false;
    };
  }, [load]);
  // What was loaded for another address must not stand under this one.
  return state.load === load ? state : NOTHING;
}
