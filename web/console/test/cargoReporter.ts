/** Prints the test counts in the format of `cargo test`, so that `scripts/test` can add up all suites. */
import type { FullResult, Reporter, Suite, TestCase } from "@playwright/test/reporter";

export default class CargoReporter implements Reporter {
  private tests: TestCase[] = [];

  onBegin(_: unknown, suite: Suite): void {
    this.tests = suite.allTests();
  }

  onEnd({ status }: FullResult): void {
    const count = (outcomes: string[]) => this.tests.filter((test) => outcomes.includes(test.outcome())).length;
    const passed = count(["expected"]);
    // If the suite could not start, no test has failed, but the run has.
    const failed = count(["unexpected", "flaky"]) || (status === "passed" ? 0 : 1);
    console.log(`test result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed; ${count(["skipped"])} ignored`);
  }
}
