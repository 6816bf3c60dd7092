// The top of the dashboard: what run this is, how it stands, and what can be done with it.

import { formatCount, formatDuration } from "../../chart/format.js";
import type { FromDashboard, RunView } from "../../protocol.js";
import { icon, type IconName } from "../../widgets/icons.js";
import { button } from "../../widgets/toolkit.js";
import { progressOf } from "./status.js";

type Send = (message: FromDashboard) => void;
type Action = Extract<FromDashboard, { type: "control" }>["action"];

/** A state in words and with an icon: never by colour alone. */
const states: Readonly<Record<string, { text: string; icon: IconName }>> = {
  starting: { text: "Starting", icon: "clock" },
  running: { text: "Running", icon: "play" },
  paused: { text: "Paused", icon: "pause" },
  stopping: { text: "Stopping", icon: "clock" },
  stopped: { text: "Stopped", icon: "stop" },
  finished: { text: "Finished", icon: "check" },
  failed: { text: "Failed", icon: "error" },
  lost: { text: "Lost", icon: "question" },
};

export class Header {
  readonly element = document.createElement("header");
  #send: Send;
  #name = document.createElement("h1");
  #state = document.createElement("span");
  #script = document.createElement("button");
  #buttons = document.createElement("div");
  #facts = document.createElement("dl");
  #bar = document.createElement("div");
  #fill = document.createElement("div");
  #message = document.createElement("div");
  #details = document.createElement("details");
  #detailList = document.createElement("dl");
  #run: RunView | null = null;
  #confirming = false;
  #shownButtons = "";
  #shownDetails = "";

  constructor(send: Send) {
    this.#send = send;
    this.element.className = "run-header";
    this.#state.className = "state";
    this.#script.type = "button";
    this.#script.className = "link script";
    this.#script.addEventListener("click", () => {
      if (this.#run !== null) send({ type: "open", file: this.#run.script, line: 1, column: 1 });
    });
    this.#buttons.className = "buttons";
    this.#buttons.setAttribute("role", "group");
    this.#buttons.setAttribute("aria-label", "Control the run");
    this.#facts.className = "facts";
    this.#bar.className = "progress";
    this.#bar.setAttribute("role", "progressbar");
    this.#bar.setAttribute("aria-label", "Progress of the run");
    this.#bar.append(this.#fill);
    this.#message.className = "message";
    this.#details.className = "details";
    const summary = document.createElement("summary");
    summary.textContent = "Details";
    summary.title = "Settings and results of the run";
    this.#details.append(summary, this.#detailList);
    const title = document.createElement("div");
    title.className = "title";
    title.append(this.#name, this.#state, this.#script);
    const line = document.createElement("div");
    line.className = "line";
    line.append(title, this.#buttons);
    const facts = document.createElement("div");
    facts.className = "facts-line";
    facts.append(this.#facts, this.#details);
    this.element.append(line, this.#bar, facts, this.#message);
  }

  update(run: RunView): void {
    if (this.#run?.id !== run.id || this.#run.state !== run.state) this.#confirming = false;
    this.#run = run;
    this.#name.textContent = run.name;
    this.#name.title = run.name;
    const state = states[run.state] ?? { text: run.state, icon: "question" as const };
    if (this.#state.dataset["state"] !== run.state) {
      this.#state.dataset["state"] = run.state;
      this.#state.replaceChildren(icon(state.icon), state.text);
    }
    this.#script.textContent = run.script.split(/[\\/]/).at(-1) ?? run.script;
    this.#script.title = `Open ${run.script}`;
    this.#showFacts(run);
    this.#showProgress(run);
    this.#showMessage(run);
    this.#showDetails(run);
    this.#showButtons(run);
  }

  #showFacts(run: RunView): void {
    const epoch =
      run.epochs === null
        ? formatCount(run.epoch)
        : `${formatCount(run.epoch)} of ${formatCount(run.epochs)}`;
    const seconds = ((run.endTime ?? Date.now()) - run.startTime) / 1000;
    const facts: [string, string][] = [
      ["Step", formatCount(run.step)],
      ...(run.epoch > 0 ? [["Epoch", epoch] as [string, string]] : []),
      ["Loss", run.loss],
      run.live
        ? ["Time left", formatDuration(run.secondsLeft === null ? null : Math.ceil(run.secondsLeft))]
        : ["Took", formatDuration(seconds)],
      ["Device", run.device],
    ];
    while (this.#facts.children.length > facts.length) this.#facts.lastElementChild?.remove();
    facts.forEach(([name, value], index) => {
      let group = this.#facts.children[index];
      if (group === undefined) {
        group = document.createElement("div");
        group.append(document.createElement("dt"), document.createElement("dd"));
        this.#facts.append(group);
      }
      setText(group.children[0]!, name);
      setText(group.children[1]!, value);
    });
  }

  #showProgress(run: RunView): void {
    const part = progressOf(run);
    this.#bar.classList.toggle("unknown", part === null);
    this.#bar.classList.toggle("live", run.live);
    if (part === null) this.#bar.removeAttribute("aria-valuenow");
    else this.#bar.setAttribute("aria-valuenow", Math.round(part * 100).toString());
    this.#fill.style.transform = `scaleX(${part ?? 0})`;
  }

  #showMessage(run: RunView): void {
    this.#message.hidden = run.message === null;
    this.#message.classList.toggle("error", run.state === "failed" || run.state === "lost");
    if (run.message === null) return;
    const key = JSON.stringify([run.message, run.location, run.state]);
    if (this.#message.dataset["key"] === key) return;
    this.#message.dataset["key"] = key;
    const text = document.createElement("span");
    text.append(run.message);
    const isError = run.state === "failed" || run.state === "lost";
    this.#message.replaceChildren(icon(isError ? "error" : "info"), text);
    const { location } = run;
    if (location === null) return;
    const link = document.createElement("button");
    link.type = "button";
    link.className = "link";
    link.textContent = `${location.file.split(/[\\/]/).at(-1) ?? ""}:${location.line}`;
    link.title = `Open ${location.file}, line ${location.line}`;
    link.addEventListener("click", () => {
      this.#send({ type: "open", ...location });
    });
    text.append(" ", link);
  }

  #showDetails(run: RunView): void {
    const entries = [
      ["Script", run.script] as const,
      ["Started", new Date(run.startTime).toLocaleString()] as const,
      ...[...Object.entries(run.config), ...Object.entries(run.summary)].map(
        ([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as const,
      ),
    ];
    const key = JSON.stringify(entries);
    if (key === this.#shownDetails) return;
    this.#shownDetails = key;
    this.#detailList.replaceChildren(
      ...entries.map(([name, value]) => {
        const group = document.createElement("div");
        const [term, definition] = [document.createElement("dt"), document.createElement("dd")];
        term.textContent = name;
        definition.textContent = value;
        group.append(term, definition);
        return group;
      }),
    );
  }

  #showButtons(run: RunView): void {
    const key = `${run.id} ${run.state} ${run.live} ${this.#confirming}`;
    if (key === this.#shownButtons) return;
    this.#shownButtons = key;
    const hadFocus = this.#buttons.contains(document.activeElement);
    this.#buttons.replaceChildren(...(this.#confirming ? this.#confirmKill() : this.#actions(run)));
    if (hadFocus) this.#buttons.querySelector<HTMLElement>("vscode-button")?.focus();
  }

  #actions(run: RunView): HTMLElement[] {
    const make = (label: string, name: IconName, action: Action, title: string): HTMLElement =>
      button({
        label,
        icon: name,
        title,
        onClick: () => {
          this.#send({ type: "control", action });
        },
      });
    if (!run.live) return [make("Run again", "rerun", "rerun", "Run the script again, as a new run")];
    const kill = button({
      label: "Kill",
      icon: "kill",
      title: "End the process at once; asks first",
      onClick: () => {
        this.#confirming = true;
        this.#showButtons(run);
      },
    });
    if (run.state === "stopping") return [kill];
    const stop = make("Stop", "stop", "stop", "Stop after this step; finally blocks run");
    if (run.state === "paused") {
      return [
        make("Resume", "play", "resume", "Go on training"),
        make("Step", "step", "stepBatch", "Train on one batch, then pause again"),
        stop,
        kill,
      ];
    }
    return [make("Pause", "pause", "pause", "Pause after this step"), stop, kill];
  }

  #confirmKill(): HTMLElement[] {
    const question = document.createElement("span");
    question.className = "question";
    question.setAttribute("role", "alert");
    question.textContent = "End the process at once? finally blocks will not run.";
    const close = (): void => {
      this.#confirming = false;
      if (this.#run !== null) this.#showButtons(this.#run);
    };
    return [
      question,
      button({
        label: "Kill",
        icon: "kill",
        appearance: "primary",
        onClick: () => {
          this.#send({ type: "control", action: "kill" });
          close();
        },
      }),
      button({ label: "Keep running", onClick: close }),
    ];
  }
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
