/* The kinds of runs: a line for each, in the order of the Kind filter; see kind.js for what a module has. */

export { factor } from "./factor.js";
export { fetch } from "./fetch.js";
export { riskModel } from "./risk_model.js";
export { sweep } from "./sweep.js";
