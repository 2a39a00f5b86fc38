/** Prints the test counts in the format of `cargo test`, so that `scripts/test` can add up all suites. */
export default class CargoReporter {
  onTestRunEnd(modules, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state] += 1;
      // A file that cannot be loaded has no failed tests, only errors.
      count.failed += module.errors().length;
    }
    const outcome = count.failed ? "FAILED" : "ok";
    console.log(`test result: ${outcome}. ${count.passed} passed; ${count.failed} failed; ${count.skipped} ignored`);
  }
}
