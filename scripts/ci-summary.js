'use strict';

// node scripts/ci-summary.js RESULTS.json...
// Adds up what `jest --json --outputFile` wrote and prints one line: "N passed, N failed".
// A file that is absent or unreadable, and a test file that could not run at all, count as one failure each.

const fs = require('node:fs');

const files = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

for (const file of files) {
  try {
    const result = JSON.parse(fs.readFileSync(file, 'utf8'));
    total.passed += result.numPassedTests;
    total.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    total.skipped += result.numPendingTests + result.numTodoTests;
    if (!result.success && result.numFailedTests + result.numRuntimeErrorTestSuites === 0) total.failed += 1;
  } catch (error) {
    console.log(`no results in ${file}: ${error.message}`);
    total.failed += 1;
  }
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
