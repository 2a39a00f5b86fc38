/** Topics and the inbox on a scripted wire: what is published is heard once, on whichever socket. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inbox, type Mail, topic, type Topic } from "../src/topics.js";
import { connected, longhaul, pass, renew, server, wire } from "./scriptedFixture.js";
import type { Fate } from "./scriptedServer.js";
import type { FarEnd } from "./scriptedSocket.js";

/** What a reader has had so far, by what it was published as. */
function heard(of: Topic): string[] {
  const ids: string[] = [];
  void (async () => {
    for await (const { publishedId } of of) ids.push(publishedId);
    ids.push("closed");
  })().catch((error) => ids.push(error.code));
  return ids;
}

describe("a topic", () => {
  it("is an iterable of what is published, until it is closed", async () => {
    await connected();
    const deals = topic(longhaul, "deals", { category: ["travel", "food"], minDiscount: 20 });
    await deals.ready;
    expect(wire.last.said("subscribe")).toMatchObject([{ topic: "deals", filters: { category: ["travel", "food"], minDiscount: 20 } }]);
    const first = server.publishes("deals", { discount: 30 });
    server.publishes("other");
    for await (const deal of deals) {
      expect(deal).toEqual({ type: "deal", data: { discount: 30 }, topic: "deals", publishedId: first, timestamp: 1 });
      break;
    }
    const ids = heard(deals);
    const second = server.publishes("deals");
    await pass(0);
    deals.close();
    await pass(0);
    expect([ids, server.subscriptions.size]).toEqual([[second, "closed"], 0]);
  });

  it("asked for before there is a socket is subscribed to when there is one, and again on each further one", async () => {
    await connected();
    wire.last.drop();
    const ids = heard(topic(longhaul, "deals"));
    await pass(500);
    wire.last.open();
    const first = server.publishes("deals");
    wire.last.drop();
    server.publishes("deals");
    await pass(500);
    wire.last.open();
    const second = server.publishes("deals");
    await pass(0);
    // What was published while there was no socket, nobody keeps.
    expect(ids).toEqual([first, second]);
  });

  it("is told apart from another subscription to the same topic", async () => {
    await connected();
    const [one, two] = [topic(longhaul, "deals", { a: 1 }), topic(longhaul, "deals", { b: 2 })];
    const [first, second] = [heard(one), heard(two)];
    await pass(0);
    const [id] = [...server.subscriptions.keys()];
    wire.last.say({ type: "deal", data: {}, topic: "deals", subscriptionId: id, notificationId: "n", publishedId: "p", timestamp: 1 });
    await pass(0);
    expect([first, second]).toEqual([["p"], []]);
  });

  it("hears what comes before the answer that says which subscription it is of", async () => {
    await connected();
    const answers: object[] = [];
    wire.last.hears = ({ requestId }) => answers.push({ type: "subscriptionConfirmed", data: { subscriptionId: "deals.1" }, requestId });
    const ids = heard(topic(longhaul, "deals"));
    wire.last.say({ type: "deal", data: {}, topic: "deals", subscriptionId: "deals.1", notificationId: "n", publishedId: "p", timestamp: 1 });
    await pass(0);
    expect(ids).toEqual([]);
    wire.last.say(answers[0]!);
    await pass(0);
    expect(ids).toEqual(["p"]);
  });

  it("that is refused says so, and ends with the client", async () => {
    await connected();
    const fine = topic(longhaul, "fine");
    const ids = heard(fine);
    await fine.ready;
    wire.last.hears = ({ requestId }) => wire.last.say({ type: "error", content: "No.", data: { code: "VALIDATION_ERROR" }, requestId });
    const refused = topic(longhaul, "no such");
    const none = heard(refused);
    await expect(refused.ready).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    longhaul.close();
    await pass(0);
    expect([none, ids]).toEqual([["VALIDATION_ERROR"], ["closed"]]);
    await expect(topic(longhaul, "late").ready).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("is heard once and without a gap through drops, hand-overs and repeats", async () => {
    const fates = fc.infiniteStream(fc.constantFrom<Fate>("arrives", "doubled"));
    const step = fc.constantFrom("publish", "publish", "drop", "hand over", "half hand over", "close the old");
    await fc.assert(
      fc.asyncProperty(fates, fc.array(step, { maxLength: 30 }), async (fates, steps) => {
        renew(() => fates.next().value!);
        await connected({ timing: { life: 100_000, overlap: 10_000, ping: 1e9 } });
        const deals = topic(longhaul, "deals");
        const ids = heard(deals);
        await deals.ready;
        const wanted: string[] = [];
        const settled = async () => {
          if (!wire.last.isOpen && !wire.last.isClosed) wire.last.open();
          await pass(0);
        };
        for (const step of steps) {
          if (step === "publish") {
            const id = server.publishes("deals");
            // One that is subscribed, and open, hears it.
            const isHeard = [...server.subscriptions.values()].some(({ socket }) => socket.isOpen);
            if (isHeard) wanted.push(id);
          }
          if (step === "drop") {
            await settled();
            for (const socket of [...wire.sockets] as FarEnd[]) if (socket.isOpen) socket.drop();
            await pass(500);
            await settled();
          }
          if (step === "hand over" || step === "half hand over") {
            await settled();
            await pass(95_000);
            // The next one is there and not yet open: the one before is subscribed till it is.
            if (step === "hand over") await settled();
          }
          if (step === "close the old") await pass(10_000);
        }
        await settled();
        await pass(0);
        expect(ids).toEqual(wanted);
        longhaul.close();
      }),
      { numRuns: 200 },
    );
  });
});

describe("an inbox", () => {
  it("tells each message and notification once, and acknowledges", async () => {
    await connected();
    const mail = inbox(longhaul);
    const heard: Mail[] = [];
    void (async () => {
      for await (const one of mail) heard.push(one);
    })();
    const note = { type: "deal", data: { discount: 30 }, topic: "old-deals", notificationId: "n", timestamp: 1 };
    const message = { type: "message", data: { messageId: "m", from: "bob", content: "Hello", type: "text" }, timestamp: 2 };
    const others = [{ type: "deal", data: {}, topic: "t", subscriptionId: "t.1", notificationId: "x", publishedId: "p" }, { type: "system", content: "Soon." }];
    for (const frame of [note, message, note, ...others]) wire.last.say(frame);
    wire.last.drop();
    await pass(500);
    wire.last.open().say(message);
    await pass(0);
    expect(heard.map(({ id, type, data, topic }) => [id, type, data, topic])).toEqual([
      ["n", "deal", { discount: 30 }, "old-deals"],
      ["m", "message", message.data, undefined],
    ]);
    await heard[1]!.acknowledge();
    expect(wire.last.said("notificationAck")).toMatchObject([{ data: { notificationId: "m" } }]);
    mail.close();
  });
});
