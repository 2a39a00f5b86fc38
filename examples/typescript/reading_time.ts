/** An analysis in TypeScript, of the kind `reading_time`: how long it takes to read the query, sentence by sentence. */
import { progress, Reject, run, step, stream } from "./longhaul.js";

const WORDS_PER_MINUTE = 240;

interface Measured {
  [name: string]: string | number;
  text: string;
  words: number;
}

function measure(text: string): Measured[] {
  const sentences = text.match(/[^.!?]+[.!?]*/g) ?? [];
  return sentences.map((sentence) => ({ text: sentence.trim(), words: sentence.split(/\s+/).filter(Boolean).length }));
}

await run(async (job) => {
  if (!/[\p{L}\p{N}]/u.test(job.query)) throw new Reject("The query has no words.");
  progress(30, "Counting words");
  const sentences = await step("measure", job.query, measure);
  const words = sentences.reduce((sum, sentence) => sum + sentence.words, 0);
  const seconds = Math.round((words / WORDS_PER_MINUTE) * 60);
  const lines = sentences.map(({ text, words }) => `${text} [${words}]\n`);
  lines.push(`${words} words take ${seconds} s to read.`);
  lines.forEach((line, at) => {
    stream(line);
    progress(30 + (70 * (at + 1)) / lines.length, `Line ${at + 1} of ${lines.length}`);
  });
  return { response: lines.join(""), words, seconds };
});
