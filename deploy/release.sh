#!/usr/bin/env bash
# Publish the wheel of dist/ as the release of a tag, v<version>; the top section of CHANGELOG.md is its text.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
if [[ ${1:-} != "v$version" ]]; then
  echo "error: the tag is '${1:-}', but pyproject.toml has version $version; push the tag v$version" >&2
  exit 2
fi
notes=$(awk '/^## /{n++} n==1' CHANGELOG.md)
gh release create "v$version" --verify-tag --notes "$notes" dist/*-"$version"-*.whl
