// Runs test files, each in a process of its own, and prints what came of them: what passed, failed, was skipped, and how a process died.

import { join, relative } from "node:path";
import { performance } from "node:perf_hooks";
import { run } from "node:test";
import { root } from "../extension/start/setup.mjs";

/** Over all files so far. */
export const count = { passed: 0, failed: 0, skipped: 0 };
/** Names of what failed. */
export const failures = [];
const verbose = process.argv.includes("--verbose");

/** Runs test files, each in its own process, and prints a line for each. */
export async function runFiles(files, limits, where = "") {
  const begun = performance.now();
  const results = new Map(
    files.map((file) => [
      file,
      { label: label(file) + where, passed: 0, failed: 0, skipped: [], said: "", complaints: "", died: null },
    ]),
  );
  let current = null;
  // Results come file by file, whichever run at the same time.
  for await (const { type, data } of run({ files: files.map((file) => join(root, file)), ...limits })) {
    const file = [data?.file, data?.name]
      .map((name) => relative(root, name ?? ""))
      .find((name) => results.has(name));
    const result = results.get(file);
    if (!result) continue;
    if (type === "test:stdout") result.said = (result.said + data.message).slice(-4000);
    if (type === "test:stderr") result.complaints = (result.complaints + data.message).slice(-4000);
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (current !== null && current !== file) finish(current, results.get(current));
    current = file;
    const isWholeFile = join(root, data.name) === join(root, file) || data.name === join(root, file);
    if (type === "test:pass" && !isWholeFile) pass(result, data);
    if (type === "test:fail" && isWholeFile) result.died = deathOf(data.details.error, result);
    if (type === "test:fail" && !(isWholeFile && result.failed > 0)) failTest(result, data);
  }
  for (const [file, result] of results) finish(file, result);
  console.log(`${files.length} test ${files.length === 1 ? "file" : "files"} in ${seconds(begun)}`);

  function finish(file, result) {
    if (!results.delete(file)) return;
    if (result.passed + result.failed + result.skipped.length === 0) {
      result.failed++;
      failures.push(`${result.label}: ran no test`);
    }
    count.passed += result.passed;
    count.failed += result.failed;
    const skipped = result.skipped.length > 0 ? `, ${result.skipped.length} skipped` : "";
    const sign = result.failed > 0 ? "✗" : "✓";
    console.log(`${sign} ${result.label}: ${result.passed} passed, ${result.failed} failed${skipped}`);
    for (const line of result.skipped) console.log(`  skipped ${line}`);
    for (const [, note] of result.said.matchAll(/^note: (.*)$/gm)) console.log(`  ${note}`);
    if (result.failed === 0) return;
    if (result.died !== null) console.log(`  ${result.died}`);
    if (result.said.trim() !== "") console.log(indent(result.said.trim()));
    if (result.complaints.trim() !== "")
      console.log(`  The last lines of stderr:\n${indent(lastLines(result.complaints, 20))}`);
  }
}

function pass(result, { name, details, skip, todo }) {
  if (details.type === "suite") return;
  const left = skip ?? todo;
  if (left === undefined || left === false) {
    result.passed++;
    if (verbose) console.log(`  ✓ ${result.label} › ${name} (${Math.round(details.duration_ms)} ms)`);
    return;
  }
  const reason = typeof left === "string" && left !== "" ? left : "no reason given";
  result.skipped.push(`${name}: ${reason}`);
  if (process.env.CI === "true" && !reason.startsWith("no GPU")) {
    result.failed++;
    failures.push(`${result.label} › ${name}: skipped (${reason})`);
  } else count.skipped++;
}

/**
 * How the process of a file ended, where failed tests do not explain it: a crash as it ends, after all tests have passed, is told in no
 * other way. Null: it ended by itself, with status 1, because tests had failed.
 */
function deathOf(error, { failed }) {
  const { signal, exitCode } = error ?? {};
  if (signal) return `Its process was ended by ${signal}.`;
  if (typeof exitCode !== "number" || (exitCode === 1 && failed > 0)) return null;
  return `Its process ended with exit code ${exitCode}.`;
}

function failTest(result, { name, details }) {
  if (details.error?.failureType === "subtestsFailed") return; // its subtests have said so
  result.failed++;
  const isWholeFile = name.endsWith(".test.mjs");
  const what = isWholeFile ? "the file itself" : name;
  const death = isWholeFile ? result.died : null;
  failures.push(`${result.label} › ${what}${death === null ? "" : `: ${death}`}`);
  console.log(
    `\n✗ ${result.label} › ${what}\n${indent(death ?? explain(details.error?.cause ?? details.error))}\n`,
  );
}

function seconds(begun) {
  return `${((performance.now() - begun) / 1000).toFixed(0)} s`;
}

/** dist/test/engine/store.test.mjs → engine/store */
function label(file) {
  return relative(join(root, "dist/test"), file.startsWith("/") ? file : join(root, file)).replace(
    /\.test\.mjs$/,
    "",
  );
}

function explain(error) {
  if (error === null || typeof error !== "object") return String(error);
  return String(error.stack ?? error.message ?? JSON.stringify(error));
}

export function indent(text) {
  return text.replace(/^/gm, "    ");
}

function lastLines(text, most) {
  return text.trim().split("\n").slice(-most).join("\n");
}
