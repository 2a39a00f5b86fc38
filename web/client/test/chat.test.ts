/** Tests of conversations on scripted sockets: pieces, turns and their order, despite drops. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Answer, chat, type Piece } from "../src/chat.js";
import { advance, connectClient, dropAndReconnect, longhaul, resetServer, server, sockets } from "./scriptedFixture.js";
import type { Delivery, EventBody, ServedJob } from "./scriptedServer.js";

const chunk = (content: string): EventBody => ({ type: "chunk", content });
const end: EventBody = { type: "job_completed", result: { response: "in the result" }, usage: { attempts: 1, queuedMs: 0, runMs: 1 } };

async function collectPieces(answer: Answer): Promise<Piece[]> {
  const all: Piece[] = [];
  for await (const piece of answer) all.push(piece);
  return all;
}

const job = (number: number): ServedJob => server.jobs.get(`job-${number}`)!;
const emit = (number: number, ...bodies: EventBody[]) => bodies.forEach((body) => server.emit(job(number), body));

describe("an answer", () => {
  it("is an iterable of its pieces and a promise of the full text", async () => {
    await connectClient();
    const answer = chat(longhaul).say("Hello", { params: { steps: 2 } });
    const early = collectPieces(answer);
    await advance(0);
    expect(sockets.last.sentFrames("startSession")).toMatchObject([{ keep: true }]);
    expect(sockets.last.sentFrames("query")).toMatchObject([{ kind: "chat", query: "Hello", sessionId: "session-1", params: { steps: 2 } }]);
    emit(1, chunk("Good "), chunk("day."), end);
    const streamed = [{ text: "Good ", whole: "Good " }, { text: "day.", whole: "Good day." }];
    expect([await early, await collectPieces(answer), await answer]).toEqual([streamed, streamed, "Good day."]);
  });

  it("is one piece if it is not streamed", async () => {
    await connectClient();
    const answer = chat(longhaul, "s").say("Hello");
    await advance(0);
    emit(1, end);
    expect([await collectPieces(answer), await answer]).toEqual([[{ text: "in the result", whole: "in the result" }], "in the result"]);
  });

  it("reports the remaining text when a retry retracts a part", async () => {
    await connectClient();
    const answer = chat(longhaul, "s").say("Hello");
    await advance(0);
    emit(1, chunk("One "), chunk("two"), { type: "stream_reset", attempt: 2, keepThrough: 2 }, chunk("three"), end);
    expect((await collectPieces(answer)).map(({ whole }) => whole)).toEqual(["One ", "One two", "One ", "One three"]);
    expect([await answer, (await collectPieces(answer))[2]!.text]).toEqual(["One three", ""]);
  });

  it("rejects and throws when it fails or is cancelled, after the pieces received before", async () => {
    await connectClient();
    const talk = chat(longhaul, "s");
    const failing = talk.say("Hello");
    await advance(0);
    emit(1, chunk("One"), { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: false, attempts: 1 });
    const seen: string[] = [];
    const listening = (async () => {
      for await (const piece of failing) seen.push(piece.text);
    })();
    await expect(listening).rejects.toMatchObject({ code: "BROKEN" });
    expect(seen).toEqual(["One"]);
    await expect(Promise.resolve(failing)).rejects.toMatchObject({ code: "BROKEN" });
    const cancelled = talk.say("Again");
    await cancelled.cancel();
    await expect(collectPieces(cancelled)).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("loses nothing when the socket drops, whenever that is", async () => {
    await connectClient();
    const answer = chat(longhaul).say("Hello");
    // Before the session starts, before the message is accepted, and in the middle of the answer.
    await dropAndReconnect();
    sockets.last.drop();
    await advance(500);
    sockets.last.open();
    await advance(0);
    emit(1, chunk("Good "));
    sockets.last.drop();
    emit(1, chunk("day."), end);
    await advance(500);
    sockets.last.open();
    expect([await answer, server.jobs.size]).toEqual(["Good day.", 1]);
  });
});

describe("a conversation", () => {
  it("sends messages in the order of the calls, each after the previous one is accepted", async () => {
    await connectClient();
    let isDelayed = true;
    const handleFrame = sockets.last.onFrame;
    const delayed: (() => void)[] = [];
    sockets.last.onFrame = (frame) => (isDelayed && frame.action === "query" ? void delayed.push(() => handleFrame(frame)) : handleFrame(frame));
    const talk = chat(longhaul, "s");
    const answers = ["One", "Two", "Three"].map((text) => talk.say(text, { supersede: text === "Three" }));
    await advance(0);
    expect(delayed.length).toBe(1);
    isDelayed = false;
    delayed[0]!();
    await advance(0);
    expect(sockets.last.sentFrames("query").map(({ query, supersede }) => [query, supersede])).toEqual([["One", false], ["Two", false], ["Three", true]]);
    emit(3, end);
    expect(await answers[2]).toBe("in the result");
  });

  it("continues after a refused message, and starts the session again if that failed", async () => {
    await connectClient();
    const handleFrame = sockets.last.onFrame;
    const refuse = (action: string) => {
      sockets.last.onFrame = (frame) =>
        frame.action === action
          ? sockets.last.deliver({ type: "error", content: "No.", data: { code: "VALIDATION_ERROR" }, requestId: frame.requestId })
          : handleFrame(frame);
    };
    const talk = chat(longhaul);
    for (const action of ["startSession", "query"]) {
      refuse(action);
      await expect(Promise.resolve(talk.say("x"))).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    }
    sockets.last.onFrame = handleFrame;
    const answer = talk.say("y");
    await advance(0);
    emit(1, end);
    expect([await answer, await talk.sessionId()]).toEqual(["in the result", "session-1"]);
  });

  it("never sends a message that was aborted before its turn", async () => {
    await connectClient();
    const aborts = new AbortController();
    const talk = chat(longhaul, "s");
    const answer = talk.say("x", { signal: aborts.signal });
    aborts.abort();
    await expect(Promise.resolve(answer)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(sockets.last.sentFrames("query")).toEqual([]);
  });

  it("lists its turns page by page, follows an open one, and can be ended", async () => {
    await connectClient();
    const talk = chat(longhaul);
    for (const text of ["One", "Two", "Three"]) talk.say(text);
    await advance(0);
    emit(1, end);
    const turns = [];
    for await (const turn of chat(longhaul, await talk.sessionId()).turns({ pageSize: 2 })) turns.push([turn.turn, turn.message, turn.status]);
    expect(turns).toEqual([[1, "One", "completed"], [2, "Two", "open"], [3, "Three", "open"]]);
    const answer = chat(longhaul, "session-1").follow("job-2");
    emit(2, chunk("Yes"), end);
    expect(await answer).toBe("Yes");
    await talk.end();
    expect(sockets.last.sentFrames("endSession")).toMatchObject([{ sessionId: "session-1" }]);
  });
});

it("whatever happens to frames and sockets, every message is one turn, in order, and every answer is complete", async () => {
  const deliveries = fc.infiniteStream(fc.constantFrom<Delivery>("delivered", "delivered", "lost", "duplicated", "delayed"));
  const step = fc.constantFrom("send", "event", "event", "drop", "release", "wait");
  await fc.assert(
    fc.asyncProperty(deliveries, fc.array(step, { maxLength: 30 }), async (deliveries, steps) => {
      let isCalm = false;
      resetServer(() => (isCalm ? "delivered" : deliveries.next().value!));
      await connectClient();
      const talk = chat(longhaul, "s");
      const sent: { answer: Answer; received: string[] }[] = [];
      const send = () => {
        const answer = talk.say(`message ${sent.length + 1}`);
        const received: string[] = [];
        sent.push({ answer, received });
        void (async () => {
          for await (const piece of answer) received.push(piece.whole);
        })();
      };
      send();
      let pieces = 0;
      for (const step of steps) {
        await advance(0);
        const open = [...server.jobs.values()].find((job) => !job.isOver);
        if (step === "send" && sent.length < 4) send();
        if (step === "event" && open) server.emit(open, open.log.length > 3 ? end : chunk(`${++pieces} `));
        if (step === "drop") await dropAndReconnect();
        if (step === "release") server.releaseDelayed();
        if (step === "wait") await advance(10_000);
      }
      isCalm = true;
      server.releaseDelayed();
      let answers: string[] | undefined;
      void Promise.all(sent.map(({ answer }) => answer)).then((all) => (answers = all));
      for (let waits = 0; waits < 100 && !answers; waits++) {
        for (const open of server.jobs.values()) if (!open.isOver) server.emit(open, end);
        await advance(5_000);
        if (!sockets.last.isOpen) sockets.last.open();
      }
      const messages = [...server.jobs.values()].map((job) => job.message);
      expect(messages).toEqual(sent.map((_, at) => `message ${at + 1}`));
      const streamed = [...server.jobs.values()].map((job) => job.log.flatMap((event) => (event.type === "chunk" ? [event.content] : [])).join(""));
      expect(answers).toEqual(streamed.map((text) => text || "in the result"));
      expect(sent.map(({ received }) => received.at(-1))).toEqual(answers);
      longhaul.close();
    }),
    { numRuns: 200 },
  );
});
