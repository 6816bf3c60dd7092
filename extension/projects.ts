// The samples that 'New Project' offers, as they lie in the extension, and how one is copied.

import { cp, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

export interface Sample {
  /** The name of its folder. */
  id: string;
  folder: string;
  title: string;
  description: string;
  /** The file to open, from the project's folder. */
  main: string;
  order: number;
}

/** The file that describes a sample; it is not part of the project. */
const descriptionFile = "sample.json";

/** In the order to show them. A folder without a good description is left out. */
export async function readSamples(folder: string): Promise<Sample[]> {
  const names = await readdir(folder).catch(() => {
    throw new Error("The samples are missing from this installation of Descent: install it again.");
  });
  const samples = await Promise.all(names.map((id) => readSample(join(folder, id), id)));
  return samples
    .filter((sample) => sample !== null)
    .sort((a, b) => a.order - b.order || a.title.localeCompare(b.title));
}

async function readSample(folder: string, id: string): Promise<Sample | null> {
  const text = await readFile(join(folder, descriptionFile), "utf8").catch(() => null);
  if (text === null) return null;
  const { title, description, main, order } = JSON.parse(text) as Record<string, unknown>;
  if (typeof title !== "string" || typeof description !== "string" || typeof main !== "string") return null;
  return { id, folder, title, description, main, order: typeof order === "number" ? order : Infinity };
}

/** Paths, from the project's folder, of files that copying the sample there would overwrite. */
export async function filesInTheWay(sample: Sample, target: string): Promise<string[]> {
  const files = await filesOf(sample);
  const there = await Promise.all(
    files.map((file) =>
      stat(join(target, file)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return files.filter((_, index) => there[index]);
}

/** Copies every file of the sample; files that are there already are overwritten, others are left alone. */
export async function copySample(sample: Sample, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const file of await filesOf(sample)) await cp(join(sample.folder, file), join(target, file));
}

async function filesOf(sample: Sample): Promise<string[]> {
  const entries = await readdir(sample.folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(sample.folder.length + 1))
    .filter((file) => file !== descriptionFile && !file.startsWith(".descent"))
    .sort();
}
