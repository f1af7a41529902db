#!/usr/bin/env bash
# Pictures in a real browser: run.sh BUILD_FOLDER. Exit 77 (skipped) where there is no Chromium, Node or playwright-core.
set -euo pipefail
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
skip() { echo "skipped: $*"; exit 77; }
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$chromium" ] || skip "no Chromium (apt-get install chromium, or set CHROMIUM)"
command -v node >/dev/null || skip "no Node.js"
# 1.54 is the newest series tried with Node.js 18, which Debian 12 has; 1.65 wants a newer one.
version=1.54.2
package=$build/browser/node_modules/playwright-core/package.json
if ! grep -qs "\"version\": \"$version\"" "$package"; then
  command -v npm >/dev/null || skip "no npm, which fetches playwright-core"
  mkdir -p "$build/browser"
  echo '{"private":true}' >"$build/browser/package.json"
  (cd "$build/browser" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --silent --no-audit --no-fund "playwright-core@$version") ||
    skip "playwright-core $version could not be fetched: is there a network?"
fi
CHROMIUM=$chromium MINNOW="$build/minnow" BROWSER="$build/browser" exec node --test "$here/flame_test.mjs"
