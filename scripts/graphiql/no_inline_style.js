/* Stands in for react-style-singleton, which locks the scrolling of the body under a dialog by adding a style
   element. This page is as high as the window, so there is no scrolling to lock, and without that element its
   content security policy can forbid inline styles. */

export const styleSingleton = () => () => null;
