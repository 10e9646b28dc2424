#!/bin/sh
# Renews app/web/dashboard/vendor from the locked packages; needs Node 20 or later and an npm registry.
#   scripts/dashboard/vendor.sh            renew
#   scripts/dashboard/vendor.sh --check    build elsewhere and fail if the committed files differ
set -eu
here=$(cd "$(dirname "$0")" && pwd)
committed=$here/../../app/web/dashboard/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy, so that node_modules never lies inside the Python package.
cp -R "$here/." "$work/source"
rm -rf "$work/source/node_modules"
cd "$work/source"
npm ci --no-progress
node vendor.mjs "$work/built"

if [ "${1:-}" = "--check" ]; then
    diff -r "$work/built" "$committed"
    echo "app/web/dashboard/vendor is what the locked packages build."
else
    rm -rf "$committed"
    cp -R "$work/built" "$committed"
fi
