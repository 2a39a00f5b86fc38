/** Conversations on a scripted wire: pieces, turns and their order, through whatever drops. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Answer, chat, type Piece } from "../src/chat.js";
import { connected, dropped, longhaul, pass, renew, server, wire } from "./scriptedFixture.js";
import type { EventBody, Fate, ServedJob } from "./scriptedServer.js";

const chunk = (content: string): EventBody => ({ type: "chunk", content });
const end: EventBody = { type: "job_completed", result: { response: "in the result" }, usage: { attempts: 1, queuedMs: 0, runMs: 1 } };

async function pieces(answer: Answer): Promise<Piece[]> {
  const all: Piece[] = [];
  for await (const piece of answer) all.push(piece);
  return all;
}

const job = (number: number): ServedJob => server.jobs.get(`job-${number}`)!;
const happens = (number: number, ...bodies: EventBody[]) => bodies.forEach((body) => server.happens(job(number), body));

describe("an answer", () => {
  it("is an iterable of its pieces and a promise of the whole", async () => {
    await connected();
    const answer = chat(longhaul).say("Hello", { params: { steps: 2 } });
    const early = pieces(answer);
    await pass(0);
    expect(wire.last.said("startSession")).toMatchObject([{ keep: true }]);
    expect(wire.last.said("query")).toMatchObject([{ kind: "chat", query: "Hello", sessionId: "session-1", params: { steps: 2 } }]);
    happens(1, chunk("Good "), chunk("day."), end);
    const said = [{ text: "Good ", whole: "Good " }, { text: "day.", whole: "Good day." }];
    expect([await early, await pieces(answer), await answer]).toEqual([said, said, "Good day."]);
  });

  it("that is not streamed is one piece", async () => {
    await connected();
    const answer = chat(longhaul, "s").say("Hello");
    await pass(0);
    happens(1, end);
    expect([await pieces(answer), await answer]).toEqual([[{ text: "in the result", whole: "in the result" }], "in the result"]);
  });

  it("of which a retry takes back a part says so, and what holds", async () => {
    await connected();
    const answer = chat(longhaul, "s").say("Hello");
    await pass(0);
    happens(1, chunk("One "), chunk("two"), { type: "stream_reset", attempt: 2, keepThrough: 2 }, chunk("three"), end);
    expect((await pieces(answer)).map(({ whole }) => whole)).toEqual(["One ", "One two", "One ", "One three"]);
    expect([await answer, (await pieces(answer))[2]!.text]).toEqual(["One three", ""]);
  });

  it("that fails or is cancelled rejects and throws, and says what was said before", async () => {
    await connected();
    const talk = chat(longhaul, "s");
    const failing = talk.say("Hello");
    await pass(0);
    happens(1, chunk("One"), { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: false, attempts: 1 });
    const seen: string[] = [];
    const listening = (async () => {
      for await (const piece of failing) seen.push(piece.text);
    })();
    await expect(listening).rejects.toMatchObject({ code: "BROKEN" });
    expect(seen).toEqual(["One"]);
    await expect(Promise.resolve(failing)).rejects.toMatchObject({ code: "BROKEN" });
    const cancelled = talk.say("Again");
    await cancelled.cancel();
    await expect(pieces(cancelled)).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("loses nothing to a drop, wherever it comes", async () => {
    await connected();
    const answer = chat(longhaul).say("Hello");
    // Before the session is begun, before the message has arrived, and in the middle.
    await dropped();
    wire.last.drop();
    await pass(500);
    wire.last.open();
    await pass(0);
    happens(1, chunk("Good "));
    wire.last.drop();
    happens(1, chunk("day."), end);
    await pass(500);
    wire.last.open();
    expect([await answer, server.jobs.size]).toEqual(["Good day.", 1]);
  });
});

describe("a conversation", () => {
  it("sends its messages in the order of the calls, each when the one before has arrived", async () => {
    await connected();
    let isHeld = true;
    const hears = wire.last.hears;
    const held: (() => void)[] = [];
    wire.last.hears = (frame) => (isHeld && frame.action === "query" ? void held.push(() => hears(frame)) : hears(frame));
    const talk = chat(longhaul, "s");
    const answers = ["One", "Two", "Three"].map((text) => talk.say(text, { supersede: text === "Three" }));
    await pass(0);
    expect(held.length).toBe(1);
    isHeld = false;
    held[0]!();
    await pass(0);
    expect(wire.last.said("query").map(({ query, supersede }) => [query, supersede])).toEqual([["One", false], ["Two", false], ["Three", true]]);
    happens(3, end);
    expect(await answers[2]).toBe("in the result");
  });

  it("goes on after a message that is refused, and begins its session again where that failed", async () => {
    await connected();
    const hears = wire.last.hears;
    const refuse = (action: string) => {
      wire.last.hears = (frame) =>
        frame.action === action
          ? wire.last.say({ type: "error", content: "No.", data: { code: "VALIDATION_ERROR" }, requestId: frame.requestId })
          : hears(frame);
    };
    const talk = chat(longhaul);
    for (const action of ["startSession", "query"]) {
      refuse(action);
      await expect(Promise.resolve(talk.say("x"))).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    }
    wire.last.hears = hears;
    const answer = talk.say("y");
    await pass(0);
    happens(1, end);
    expect([await answer, await talk.sessionId()]).toEqual(["in the result", "session-1"]);
  });

  it("never sends what was aborted before its turn came", async () => {
    await connected();
    const aborts = new AbortController();
    const talk = chat(longhaul, "s");
    const answer = talk.say("x", { signal: aborts.signal });
    aborts.abort();
    await expect(Promise.resolve(answer)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(wire.last.said("query")).toEqual([]);
  });

  it("tells its turns page by page, follows one that is open, and is ended", async () => {
    await connected();
    const talk = chat(longhaul);
    for (const text of ["One", "Two", "Three"]) talk.say(text);
    await pass(0);
    happens(1, end);
    const turns = [];
    for await (const turn of chat(longhaul, await talk.sessionId()).turns({ pageSize: 2 })) turns.push([turn.turn, turn.message, turn.status]);
    expect(turns).toEqual([[1, "One", "completed"], [2, "Two", "open"], [3, "Three", "open"]]);
    const answer = chat(longhaul, "session-1").follow("job-2");
    happens(2, chunk("Yes"), end);
    expect(await answer).toBe("Yes");
    await talk.end();
    expect(wire.last.said("endSession")).toMatchObject([{ sessionId: "session-1" }]);
  });
});

it("whatever befalls frames and sockets, every message is one turn, in order, and every answer is whole", async () => {
  const fates = fc.infiniteStream(fc.constantFrom<Fate>("arrives", "arrives", "lost", "doubled", "late"));
  const step = fc.constantFrom("say", "happens", "happens", "drop", "release", "wait");
  await fc.assert(
    fc.asyncProperty(fates, fc.array(step, { maxLength: 30 }), async (fates, steps) => {
      let isCalm = false;
      renew(() => (isCalm ? "arrives" : fates.next().value!));
      await connected();
      const talk = chat(longhaul, "s");
      const said: { answer: Answer; heard: string[] }[] = [];
      const say = () => {
        const answer = talk.say(`message ${said.length + 1}`);
        const heard: string[] = [];
        said.push({ answer, heard });
        void (async () => {
          for await (const piece of answer) heard.push(piece.whole);
        })();
      };
      say();
      let pieces = 0;
      for (const step of steps) {
        await pass(0);
        const open = [...server.jobs.values()].find((job) => !job.isOver);
        if (step === "say" && said.length < 4) say();
        if (step === "happens" && open) server.happens(open, open.log.length > 3 ? end : chunk(`${++pieces} `));
        if (step === "drop") await dropped();
        if (step === "release") server.release();
        if (step === "wait") await pass(10_000);
      }
      isCalm = true;
      server.release();
      let whole: string[] | undefined;
      void Promise.all(said.map(({ answer }) => answer)).then((all) => (whole = all));
      for (let waits = 0; waits < 100 && !whole; waits++) {
        for (const open of server.jobs.values()) if (!open.isOver) server.happens(open, end);
        await pass(5_000);
        if (!wire.last.isOpen) wire.last.open();
      }
      const spoken = [...server.jobs.values()].map((job) => job.message);
      expect(spoken).toEqual(said.map((_, at) => `message ${at + 1}`));
      const streamed = [...server.jobs.values()].map((job) => job.log.flatMap((event) => (event.type === "chunk" ? [event.content] : [])).join(""));
      expect(whole).toEqual(streamed.map((text) => text || "in the result"));
      expect(said.map(({ heard }) => heard.at(-1))).toEqual(whole);
      longhaul.close();
    }),
    { numRuns: 200 },
  );
});
