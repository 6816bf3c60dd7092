// The only file that knows @vscode/webview-ui-toolkit: buttons, dropdowns, checkboxes, text fields, progress rings.
// Content security policy: the page needs `<meta property="csp-nonce" content="NONCE">` and `style-src CSPSOURCE 'nonce-NONCE'`. The
// toolkit probes :focus-visible with one empty <style> that takes that nonce; everything else are constructed style sheets,
// which no policy governs. Neither 'unsafe-inline' nor eval is needed. Its package is archived upstream, so every other
// file asks this one for a widget.

import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
  Checkbox,
  Dropdown,
  TextField,
} from "@vscode/webview-ui-toolkit";
import { icon, type IconName } from "./icons.js";

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDropdown(),
  vsCodeOption(),
  vsCodeProgressRing(),
  vsCodeTextField(),
);

export interface ButtonOptions {
  label: string;
  icon?: IconName;
  appearance?: "primary" | "secondary";
  title?: string;
  onClick: () => void;
}

/** A button with words, or with an icon and words. */
export function button({
  label,
  icon: name,
  appearance = "secondary",
  title,
  onClick,
}: ButtonOptions): HTMLElement {
  const element = document.createElement("vscode-button");
  element.setAttribute("appearance", appearance);
  if (title !== undefined) element.title = title;
  if (name !== undefined) {
    const start = icon(name);
    start.setAttribute("slot", "start");
    element.append(start);
  }
  element.append(label);
  element.addEventListener("click", onClick);
  return element;
}

export interface DropdownWidget {
  element: HTMLElement;
  set(value: string): void;
}

export function dropdown(
  label: string,
  options: readonly { value: string; text: string }[],
  onChange: (value: string) => void,
): DropdownWidget {
  const element = create("vscode-dropdown", Dropdown);
  element.setAttribute("aria-label", label);
  for (const { value, text } of options) {
    const option = document.createElement("vscode-option");
    option.setAttribute("value", value);
    option.textContent = text;
    element.append(option);
  }
  element.addEventListener("change", () => {
    onChange(element.value);
  });
  return {
    element,
    set: (value) => {
      // Before the element is in the page its options are not known to it.
      element.setAttribute("current-value", value);
      if (element.isConnected && element.value !== value) element.value = value;
    },
  };
}

export interface CheckboxWidget {
  element: HTMLElement;
  set(checked: boolean, enabled: boolean): void;
}

export function checkbox(label: string, title: string, onChange: (checked: boolean) => void): CheckboxWidget {
  const element = create("vscode-checkbox", Checkbox);
  element.append(label);
  element.title = title;
  let quiet = false;
  element.addEventListener("change", () => {
    if (!quiet) onChange(element.checked);
  });
  return {
    element,
    set: (checked, enabled) => {
      quiet = true; // the toolkit also reports changes made from code
      element.checked = checked;
      element.disabled = !enabled;
      quiet = false;
    },
  };
}

export function textField(label: string, placeholder: string, onInput: (text: string) => void): HTMLElement {
  const element = create("vscode-text-field", TextField);
  element.setAttribute("aria-label", label);
  element.placeholder = placeholder;
  element.addEventListener("input", () => {
    onInput(element.value);
  });
  return element;
}

export function progressRing(label: string): HTMLElement {
  const element = document.createElement("vscode-progress-ring");
  element.setAttribute("aria-label", label);
  return element;
}

/** A new element of a class that the toolkit has registered. */
function create<Type extends HTMLElement>(name: string, type: abstract new () => Type): Type {
  const element = document.createElement(name);
  if (!(element instanceof type)) throw new Error(`${name} is not registered`);
  return element;
}
