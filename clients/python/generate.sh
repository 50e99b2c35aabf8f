#!/usr/bin/env bash
# Generates gen/python from proto/sluice/v1 with the pinned grpcio-tools. Needs .bin/buf and .bin/protodeps.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=.bin/venv/bin/python
requirements=clients/python/requirements-generate.txt
[[ -x $python ]] || python3 -m venv .bin/venv
if ! "$python" -m pip install --quiet --no-index --dry-run --requirement "$requirements" 2>/dev/null; then
	"$python" -m pip install --quiet --requirement "$requirements"
fi
exec .bin/buf generate --template proto/buf.gen.python.yaml
