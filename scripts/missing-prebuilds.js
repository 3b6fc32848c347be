'use strict';

// node scripts/missing-prebuilds.js, before npm makes a tarball: says on the error output which binaries it will lack.
// It fails nothing, because npm also packs what it installs from a repository, where there are none.

const fs = require('node:fs');
const path = require('node:path');

const files = ['x64', 'arm64'].map((arch) => path.join('prebuilds', `linux-${arch}`, 'linux-ns.node'));
const missing = files.filter((file) => !fs.existsSync(path.join(__dirname, '..', file)));
if (missing.length > 0) {
  console.error(
    `linux-ns: the tarball will not have ${missing.join(' and ')}, and who installs it has to run 'npx linux-ns compile'. ` +
      "'npm run prebuilds' makes them.",
  );
}
