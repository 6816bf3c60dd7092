// The few icons the webviews use: single-colour drawings on a 16-pixel square, in the colour of the text around them.

const paths = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h2.6v10H4zM9.4 3H12v10H9.4z",
  stop: "M3.5 3.5h9v9h-9z",
  step: "M3 2.5v11l7-5.5zM11.2 3h1.9v10h-1.9z",
  kill: "M4.2 3 8 6.8 11.8 3 13 4.2 9.2 8l3.8 3.8-1.2 1.2L8 9.2 4.2 13 3 11.8 6.8 8 3 4.2z",
  rerun: "M8 2.6a5.4 5.4 0 1 1-5.2 4h1.5A4 4 0 1 0 8 4v2.2L4.6 3.3 8 .6z",
  check: "m6.4 12.4-4-4 1.1-1.1 2.9 2.9 6.1-6.1 1.1 1.1z",
  error: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM7.2 4h1.6v5H7.2zm0 6.2h1.6v1.7H7.2z",
  info: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM7.2 4h1.6v1.7H7.2zm0 2.9h1.6v5H7.2z",
  clock:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm0 1.4a5.1 5.1 0 1 1 0 10.2A5.1 5.1 0 0 1 8 2.9zM7.3 4.5h1.3v3.3l2.3 1.4-.7 1.1-2.9-1.8z",
  question:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM7.2 11h1.6v1.6H7.2zM8 3.6c1.6 0 2.7 1 2.7 2.4 0 1.1-.6 1.6-1.2 2.1-.5.4-.7.6-.7 1.3v.4H7.2v-.5c0-1.3.6-1.8 1.2-2.3.5-.4.7-.6.7-1 0-.5-.4-.9-1.1-.9-.8 0-1.2.5-1.2 1.2H5.2C5.2 4.7 6.3 3.6 8 3.6z",
  table:
    "M2 3h12v10H2zm1.3 1.3v1.9h9.4V4.3zm0 3.2v1.7h3.9V7.5zm5.2 0v1.7h4.2V7.5zm-5.2 3v1.2h3.9v-1.2zm5.2 0v1.2h4.2v-1.2z",
  widen: "M1.5 8 5 4.5v2.7h6V4.5L14.5 8 11 11.5V8.8H5v2.7z",
  follow: "M2 7.2h7.5L6.7 4.4l1-1L12.3 8l-4.6 4.6-1-1 2.8-2.8H2zM12.8 3h1.4v10h-1.4z",
  pin: "M5 1.5h6v1.3l-1 .7v3.4l2.2 2v1.3H8.7v4.3L8 15.5l-.7-1v-4.3H3.8V8.9l2.2-2V3.5l-1-.7z",
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("fill", "currentColor");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", paths[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}
