/* The library that draws, from one place: `import { html, useState } from "../lib/html.js"`.

   html`<p class=${name}>${text}</p>` makes a node. A style is an object (style=${{ width: "3rem" }}), which is
   set through the CSSOM: the content security policy allows no style attributes in markup. */

export {
  Component,
  Fragment,
  createContext,
  createRef,
  h,
  html,
  render,
  useCallback,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "../vendor/preact.js";
