/** Tests of conversations, topics and the inbox against a real stack whose connections drop. */
import { describe, expect, it } from "vitest";
import { chat, type Turn } from "../src/chat.js";
import type { Longhaul } from "../src/index.js";
import { inbox, topic } from "../src/topics.js";
import { client, proxy, stack, tokenFor } from "./stackFixture.js";
import { isBuilt } from "./stack.js";

describe.skipIf(!isBuilt)("on a real stack", () => {
  const clientOf = (user: string) => client({ token: tokenFor(user) });
  const streaming = (steps: number) => ({ kind: "noop", params: { steps, stepMs: 200, text: 60 } });
  const answerOf = (steps: number) => Array.from({ length: steps }, (_, at) => `${`${at + 1} `.repeat(30).slice(0, 59)}\n`).join("");
  const whenOpen = async (longhaul: Longhaul) => {
    if (longhaul.state.state === "open") return;
    await new Promise<void>((done) => {
      const off = longhaul.on("state", ({ state }) => state === "open" && (off(), done()));
    });
  };

  it("a conversation is answered, remembered, and continued on another client", async () => {
    const talk = chat(clientOf("alice"));
    expect(await talk.say("What was my S3 spend in May?")).toContain("USD");
    const wholes: string[] = [];
    for await (const { whole } of talk.say("Tell me a joke")) wholes.push(whole);
    expect(wholes.at(-1)).toContain("No language model is configured");

    const elsewhere = clientOf("alice");
    const again = chat(elsewhere, await talk.sessionId());
    const { job } = await again.say("Another one").job();
    expect(await job.result()).toMatchObject({ remembered: 2 });
    const turns: Turn[] = [];
    for await (const turn of again.turns({ pageSize: 2 })) turns.push(turn);
    expect(turns.map(({ turn, message }) => [turn, message])).toEqual([[1, "What was my S3 spend in May?"], [2, "Tell me a joke"], [3, "Another one"]]);
    await again.end();
    await expect(Promise.resolve(talk.say("More"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("a drop in the middle of an answer loses nothing, and one in the middle of a submit duplicates nothing", async () => {
    const longhaul = clientOf("bob");
    const talk = chat(longhaul);
    const pieces: string[] = [];
    for await (const { text } of talk.say("Stream it", streaming(12))) {
      pieces.push(text);
      if (pieces.length === 2) proxy.dropConnections();
    }
    expect([pieces.join(""), pieces.length > 2]).toEqual([answerOf(12), true]);
    // The frame is sent and its reply has not arrived.
    const answer = talk.say("Once", streaming(2));
    await new Promise((soon) => setImmediate(soon));
    proxy.dropConnections();
    expect(await answer).toBe(answerOf(2));
    const messages: string[] = [];
    for await (const { message } of talk.turns()) messages.push(message);
    expect(messages).toEqual(["Stream it", "Once"]);
  });

  it("messages are turns in the order of the calls; a superseding one cancels those before it", async () => {
    const talk = chat(clientOf("carol"));
    const [one, two] = [talk.say("One", streaming(2)), talk.say("Two", streaming(2))];
    expect([await one, await two]).toEqual([answerOf(2), answerOf(2)]);
    const long = talk.say("Three", streaming(1000));
    for await (const _ of long) break;
    const next = talk.say("Four", { ...streaming(1), supersede: true });
    await expect(Promise.resolve(long)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await next).toBe(answerOf(1));
    const turns: Turn[] = [];
    for await (const turn of talk.turns()) turns.push(turn);
    expect(turns.map(({ message }) => message)).toEqual(["One", "Two", "Three", "Four"]);
  });

  it("a topic applies its filters, also on later sockets, and delivers once over a hand-over", async () => {
    const longhaul = clientOf("dave");
    const deals = topic<{ n: number }>(longhaul, "new-deals", { category: ["travel", "food"], minDiscount: 20 });
    const received: number[] = [];
    void (async () => {
      for await (const { data } of deals) received.push(data.n);
    })();
    const publish = (n: number, discount = 30) => stack.publish({ topic: "new-deals", type: "deal", data: { category: "travel", discount, n } });
    await deals.ready;
    await publish(1, 10);
    await publish(2);
    await expect.poll(() => received, { timeout: 30_000 }).toEqual([2]);
    proxy.dropConnections();
    // Nothing is stored until the topic is subscribed again, so publish until it is received.
    await expect.poll(async () => (await publish(3), received.includes(3)), { timeout: 30_000, interval: 200 }).toBe(true);
    deals.close();

    const handingOver = client({ token: tokenFor("erin"), timing: { life: 3000, overlap: 2000 } });
    const states: string[] = [];
    handingOver.on("state", ({ state }) => states.push(state));
    const sockets = () => states.filter((state) => state === "open").length;
    const all = topic<{ n: number }>(handingOver, "counted");
    await all.ready;
    const counted: number[] = [];
    void (async () => {
      for await (const { data } of all) counted.push(data.n);
    })();
    // One at a time, so that a missing one is noticed.
    for (let n = 0; sockets() < 3; n++) {
      await stack.publish({ topic: "counted", type: "n", data: { n } });
      await expect.poll(() => counted, { timeout: 30_000, interval: 10 }).toContain(n);
    }
    expect(new Set(counted).size).toBe(counted.length);
    expect(states).not.toContain("waiting");
  });

  it("an inbox delivers what was sent in the meantime, to each client until it is acknowledged", async () => {
    await stack.publish({ userId: "faye", type: "deal", data: { n: 1 } });
    const first = inbox(clientOf("faye"));
    for await (const entry of first) {
      expect(entry).toMatchObject({ type: "deal", data: { n: 1 } });
      break;
    }
    const longhaul = clientOf("faye");
    for await (const entry of inbox(longhaul)) {
      await entry.acknowledge();
      break;
    }
    await stack.publish({ userId: "faye", type: "deal", data: { n: 2 } });
    const last = clientOf("faye");
    await whenOpen(last);
    for await (const entry of inbox(last)) {
      expect(entry.data).toEqual({ n: 2 });
      break;
    }
  });
});
