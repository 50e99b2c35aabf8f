#!/usr/bin/env bash
# Generates gen/web from proto/sluice/v1 with the pinned protoc-gen-es. Needs .bin/buf and .bin/protodeps.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! npm --prefix clients/web ls --silent >/dev/null 2>&1; then
	npm --prefix clients/web ci --loglevel=error
fi
exec .bin/buf generate --template proto/buf.gen.web.yaml
