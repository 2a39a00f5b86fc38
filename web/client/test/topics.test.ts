/** Tests of topics and the inbox on scripted sockets: each notification is received once, on any socket. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inbox, type Mail, topic, type Topic } from "../src/topics.js";
import { advance, connectClient, longhaul, resetServer, server, sockets } from "./scriptedFixture.js";
import type { Delivery } from "./scriptedServer.js";
import type { ScriptedSocket } from "./scriptedSocket.js";

/** The publication ids that a reader has received so far. */
function receivedIds(topic: Topic): string[] {
  const ids: string[] = [];
  void (async () => {
    for await (const { publishedId } of topic) ids.push(publishedId);
    ids.push("closed");
  })().catch((error) => ids.push(error.code));
  return ids;
}

describe("a topic", () => {
  it("iterates over what is published until it is closed", async () => {
    await connectClient();
    const deals = topic(longhaul, "deals", { category: ["travel", "food"], minDiscount: 20 });
    await deals.ready;
    expect(sockets.last.sentFrames("subscribe")).toMatchObject([{ topic: "deals", filters: { category: ["travel", "food"], minDiscount: 20 } }]);
    const first = server.publish("deals", { discount: 30 });
    server.publish("other");
    for await (const deal of deals) {
      expect(deal).toEqual({ type: "deal", data: { discount: 30 }, topic: "deals", publishedId: first, timestamp: 1 });
      break;
    }
    const ids = receivedIds(deals);
    const second = server.publish("deals");
    await advance(0);
    deals.close();
    await advance(0);
    expect([ids, server.subscriptions.size]).toEqual([[second, "closed"], 0]);
  });

  it("is subscribed to once connected, and again on each later socket", async () => {
    await connectClient();
    sockets.last.drop();
    const ids = receivedIds(topic(longhaul, "deals"));
    await advance(500);
    sockets.last.open();
    const first = server.publish("deals");
    sockets.last.drop();
    server.publish("deals");
    await advance(500);
    sockets.last.open();
    const second = server.publish("deals");
    await advance(0);
    // What is published while disconnected is not stored.
    expect(ids).toEqual([first, second]);
  });

  it("is distinguished from another subscription to the same topic", async () => {
    await connectClient();
    const [one, two] = [topic(longhaul, "deals", { a: 1 }), topic(longhaul, "deals", { b: 2 })];
    const [first, second] = [receivedIds(one), receivedIds(two)];
    await advance(0);
    const [id] = [...server.subscriptions.keys()];
    sockets.last.deliver({ type: "deal", data: {}, topic: "deals", subscriptionId: id, notificationId: "n", publishedId: "p", timestamp: 1 });
    await advance(0);
    expect([first, second]).toEqual([["p"], []]);
  });

  it("receives frames that arrive before the reply with the subscription id", async () => {
    await connectClient();
    const answers: object[] = [];
    sockets.last.onFrame = ({ requestId }) => answers.push({ type: "subscriptionConfirmed", data: { subscriptionId: "deals.1" }, requestId });
    const ids = receivedIds(topic(longhaul, "deals"));
    sockets.last.deliver({ type: "deal", data: {}, topic: "deals", subscriptionId: "deals.1", notificationId: "n", publishedId: "p", timestamp: 1 });
    await advance(0);
    expect(ids).toEqual([]);
    sockets.last.deliver(answers[0]!);
    await advance(0);
    expect(ids).toEqual(["p"]);
  });

  it("reports a refused subscription, and closes with the client", async () => {
    await connectClient();
    const fine = topic(longhaul, "fine");
    const ids = receivedIds(fine);
    await fine.ready;
    sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "error", content: "No.", data: { code: "VALIDATION_ERROR" }, requestId });
    const refused = topic(longhaul, "no such");
    const none = receivedIds(refused);
    await expect(refused.ready).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    longhaul.close();
    await advance(0);
    expect([none, ids]).toEqual([["VALIDATION_ERROR"], ["closed"]]);
    await expect(topic(longhaul, "too late").ready).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("receives everything once, without a gap, through drops, hand-overs and duplicates", async () => {
    const deliveries = fc.infiniteStream(fc.constantFrom<Delivery>("delivered", "duplicated"));
    const step = fc.constantFrom("publish", "publish", "drop", "hand over", "half hand over", "close the old");
    await fc.assert(
      fc.asyncProperty(deliveries, fc.array(step, { maxLength: 30 }), async (deliveries, steps) => {
        resetServer(() => deliveries.next().value!);
        await connectClient({ timing: { life: 100_000, overlap: 10_000, ping: 1e9 } });
        const deals = topic(longhaul, "deals");
        const ids = receivedIds(deals);
        await deals.ready;
        const expected: string[] = [];
        const openPending = async () => {
          if (!sockets.last.isOpen && !sockets.last.isClosed) sockets.last.open();
          await advance(0);
        };
        for (const step of steps) {
          if (step === "publish") {
            const id = server.publish("deals");
            const isReceived = [...server.subscriptions.values()].some(({ socket }) => socket.isOpen);
            if (isReceived) expected.push(id);
          }
          if (step === "drop") {
            await openPending();
            for (const socket of [...sockets.all] as ScriptedSocket[]) if (socket.isOpen) socket.drop();
            await advance(500);
            await openPending();
          }
          if (step === "hand over" || step === "half hand over") {
            await openPending();
            await advance(95_000);
            // While the next socket is not open yet, the previous one stays subscribed.
            if (step === "hand over") await openPending();
          }
          if (step === "close the old") await advance(10_000);
        }
        await openPending();
        await advance(0);
        expect(ids).toEqual(expected);
        longhaul.close();
      }),
      { numRuns: 200 },
    );
  });
});

describe("an inbox", () => {
  it("delivers each message and notification once, and acknowledges it", async () => {
    await connectClient();
    const entries = inbox(longhaul);
    const received: Mail[] = [];
    void (async () => {
      for await (const entry of entries) received.push(entry);
    })();
    const note = { type: "deal", data: { discount: 30 }, topic: "old-deals", notificationId: "n", timestamp: 1 };
    const message = { type: "message", data: { messageId: "m", from: "bob", content: "Hello", type: "text" }, timestamp: 2 };
    const others = [{ type: "deal", data: {}, topic: "t", subscriptionId: "t.1", notificationId: "x", publishedId: "p" }, { type: "system", content: "Soon." }];
    for (const frame of [note, message, note, ...others]) sockets.last.deliver(frame);
    sockets.last.drop();
    await advance(500);
    sockets.last.open().deliver(message);
    await advance(0);
    expect(received.map(({ id, type, data, topic }) => [id, type, data, topic])).toEqual([
      ["n", "deal", { discount: 30 }, "old-deals"],
      ["m", "message", message.data, undefined],
    ]);
    await received[1]!.acknowledge();
    expect(sockets.last.sentFrames("notificationAck")).toMatchObject([{ data: { notificationId: "m" } }]);
    entries.close();
  });
});
