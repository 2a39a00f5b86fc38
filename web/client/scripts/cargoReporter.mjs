/**
 * The counts in cargo's words, so that `scripts/test` can make one sum of all tests. It refuses to know
 * what was tested.
 */
export default class Reporter {
  onTestRunEnd(modules, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state] += 1;
      // A file that can't be run has no tests that fail.
      count.failed += module.errors().length;
    }
    const verdict = count.failed ? "FAILED" : "ok";
    console.log(`test result: ${verdict}. ${count.passed} passed; ${count.failed} failed; ${count.skipped} ignored`);
  }
}
