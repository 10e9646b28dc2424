#!/bin/sh
# Takes Swagger UI for app/web/swagger from its package; needs npm and a registry. A new version needs its
# checksum here: `npm view swagger-ui-dist@VERSION dist.integrity`.
#   scripts/vendor_swagger.sh            take
#   scripts/vendor_swagger.sh --check    fail if the committed files differ
set -eu
version=5.35.0
checksum=sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==
committed=$(cd "$(dirname "$0")" && pwd)/../app/web/swagger
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent "swagger-ui-dist@$version" >/dev/null
archive=swagger-ui-dist-$version.tgz
[ "sha512-$(openssl dgst -sha512 -binary "$archive" | base64 -w0)" = "$checksum" ] || {
    echo "error: $archive is not what it was" >&2
    exit 1
}
tar xzf "$archive"
mkdir taken
# without the line that names a source map, which is not taken
for name in swagger-ui-bundle.js swagger-ui.css; do
    sed -e '/sourceMappingURL=/s,^//# sourceMappingURL=.*$,,;s,/\*# sourceMappingURL=[^*]*\*/,,' \
        "package/$name" >"taken/$name"
done
{
    cat package/NOTICE package/LICENSE
    printf '\nParts of swagger-ui-bundle.js:\n\n'
    cat package/swagger-ui-bundle.js.LICENSE.txt
} >taken/LICENSES.txt
echo "swagger-ui-dist $version (Apache-2.0)" >taken/VERSIONS.txt

for name in $(ls taken); do
    if [ "${1:-}" = "--check" ]; then
        diff -q "taken/$name" "$committed/$name"
    else
        cp "taken/$name" "$committed/$name"
    fi
done
