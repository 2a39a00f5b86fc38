/** Conversations, topics and inboxes against a real stack, whose wire is cut. It knows no scripted server. */
import { describe, expect, it } from "vitest";
import { chat, type Turn } from "../src/chat.js";
import type { Longhaul } from "../src/index.js";
import { inbox, topic } from "../src/topics.js";
import { client, fresh, stack, wire } from "./stackFixture.js";
import { isBuilt } from "./stack.js";

describe.skipIf(!isBuilt)("on a real stack", () => {
  const of = (user: string) => client({ token: fresh(user) });
  const streamed = (steps: number) => ({ kind: "noop", params: { steps, stepMs: 200, text: 60 } });
  const answerOf = (steps: number) => Array.from({ length: steps }, (_, at) => `${`${at + 1} `.repeat(30).slice(0, 59)}\n`).join("");
  const opened = async (longhaul: Longhaul) => {
    if (longhaul.state.state === "open") return;
    await new Promise<void>((done) => {
      const off = longhaul.on("state", ({ state }) => state === "open" && (off(), done()));
    });
  };

  it("a conversation is answered, remembered, and gone on with elsewhere", async () => {
    const talk = chat(of("alice"));
    expect(await talk.say("What was my S3 spend in May?")).toContain("USD");
    const wholes: string[] = [];
    for await (const { whole } of talk.say("Tell me a joke")) wholes.push(whole);
    expect(wholes.at(-1)).toContain("No language model is configured");

    const elsewhere = of("alice");
    const again = chat(elsewhere, await talk.sessionId());
    const { job } = await again.say("Another one").job();
    expect(await job.result()).toMatchObject({ remembered: 2 });
    const turns: Turn[] = [];
    for await (const turn of again.turns({ pageSize: 2 })) turns.push(turn);
    expect(turns.map(({ turn, message }) => [turn, message])).toEqual([[1, "What was my S3 spend in May?"], [2, "Tell me a joke"], [3, "Another one"]]);
    await again.end();
    await expect(Promise.resolve(talk.say("More"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("a drop in the middle of an answer loses nothing, and one in the middle of a submit doubles nothing", async () => {
    const longhaul = of("bob");
    const talk = chat(longhaul);
    const pieces: string[] = [];
    for await (const { text } of talk.say("Stream it", streamed(12))) {
      pieces.push(text);
      if (pieces.length === 2) wire.cut();
    }
    expect([pieces.join(""), pieces.length > 2]).toEqual([answerOf(12), true]);
    // The frame is out, its answer is not in.
    const answer = talk.say("Once", streamed(2));
    await new Promise((soon) => setImmediate(soon));
    wire.cut();
    expect(await answer).toBe(answerOf(2));
    const said: string[] = [];
    for await (const { message } of talk.turns()) said.push(message);
    expect(said).toEqual(["Stream it", "Once"]);
  });

  it("messages are turns in the order in which they were said; one that supersedes ends those before it", async () => {
    const talk = chat(of("carol"));
    const [one, two] = [talk.say("One", streamed(2)), talk.say("Two", streamed(2))];
    expect([await one, await two]).toEqual([answerOf(2), answerOf(2)]);
    const long = talk.say("Three", streamed(1000));
    for await (const _ of long) break;
    const next = talk.say("Four", { ...streamed(1), supersede: true });
    await expect(Promise.resolve(long)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await next).toBe(answerOf(1));
    const turns: Turn[] = [];
    for await (const turn of talk.turns()) turns.push(turn);
    expect(turns.map(({ message }) => message)).toEqual(["One", "Two", "Three", "Four"]);
  });

  it("a topic is heard by its filters, on each further socket too, once over a hand-over", async () => {
    const longhaul = of("dave");
    const deals = topic<{ n: number }>(longhaul, "new-deals", { category: ["travel", "food"], minDiscount: 20 });
    const heard: number[] = [];
    void (async () => {
      for await (const { data } of deals) heard.push(data.n);
    })();
    const publish = (n: number, discount = 30) => stack.publish({ topic: "new-deals", type: "deal", data: { category: "travel", discount, n } });
    await deals.ready;
    await publish(1, 10);
    await publish(2);
    await expect.poll(() => heard, { timeout: 30_000 }).toEqual([2]);
    wire.cut();
    // What is published until it is subscribed again, nobody keeps; so it is said until it is heard.
    await expect.poll(async () => (await publish(3), heard.includes(3)), { timeout: 30_000, interval: 200 }).toBe(true);
    deals.close();

    const handed = client({ token: fresh("erin"), timing: { life: 3000, overlap: 2000 } });
    const states: string[] = [];
    handed.on("state", ({ state }) => states.push(state));
    const sockets = () => states.filter((state) => state === "open").length;
    const all = topic<{ n: number }>(handed, "counted");
    await all.ready;
    const counted: number[] = [];
    void (async () => {
      for await (const { data } of all) counted.push(data.n);
    })();
    // One at a time, so that the one that is missing is missed.
    for (let n = 0; sockets() < 3; n++) {
      await stack.publish({ topic: "counted", type: "n", data: { n } });
      await expect.poll(() => counted, { timeout: 30_000, interval: 10 }).toContain(n);
    }
    expect(new Set(counted).size).toBe(counted.length);
    expect(states).not.toContain("waiting");
  });

  it("an inbox tells what came meanwhile, on each page until it is acknowledged", async () => {
    await stack.publish({ userId: "faye", type: "deal", data: { n: 1 } });
    const first = inbox(of("faye"));
    for await (const mail of first) {
      expect(mail).toMatchObject({ type: "deal", data: { n: 1 } });
      break;
    }
    const longhaul = of("faye");
    for await (const mail of inbox(longhaul)) {
      await mail.acknowledge();
      break;
    }
    await stack.publish({ userId: "faye", type: "deal", data: { n: 2 } });
    const last = of("faye");
    await opened(last);
    for await (const mail of inbox(last)) {
      expect(mail.data).toEqual({ n: 2 });
      break;
    }
  });
});
