/**
 * The counts in cargo's words, so that `scripts/test` can make one sum of all tests. It refuses to know
 * what was tested.
 */
import type { FullResult, Reporter, Suite, TestCase } from "@playwright/test/reporter";

export default class Counts implements Reporter {
  private tests: TestCase[] = [];

  onBegin(_: unknown, suite: Suite): void {
    this.tests = suite.allTests();
  }

  onEnd({ status }: FullResult): void {
    const count = (outcomes: string[]) => this.tests.filter((test) => outcomes.includes(test.outcome())).length;
    const passed = count(["expected"]);
    // A suite that could not begin has no tests that fail.
    const failed = count(["unexpected", "flaky"]) || (status === "passed" ? 0 : 1);
    console.log(`test result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed; ${count(["skipped"])} ignored`);
  }
}
