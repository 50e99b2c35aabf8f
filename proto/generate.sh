#!/usr/bin/env bash
# Generates gen/ from proto/ with pinned local plugins and no network beyond the
# package registries. Called by `make generate`.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.bin

# Third-party protos come from pinned Go modules (.ci/tools/protodeps), not from a copy.
deps=$bin/protodeps
module() { (cd .ci/tools/protodeps && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'); }
mkdir -p $deps/google/api $deps/buf/validate
install -m 644 "$(module github.com/grpc-ecosystem/grpc-gateway)"/third_party/googleapis/google/api/{annotations,http}.proto $deps/google/api/
install -m 644 "$(module github.com/bufbuild/protovalidate)"/proto/protovalidate/buf/validate/validate.proto $deps/buf/validate/

$bin/buf format -w proto
$bin/buf format -w adapters
$bin/buf lint

# Our own plugins read wirejson's options, whose Go code is committed.
go build -o $bin/ ./proto/wirejson/protoc-gen-go-wirejson ./proto/wirejson/protoc-gen-wirejson-openapi
$bin/buf generate --template proto/buf.gen.yaml $(printf -- "--path %s " proto/sluice proto/wirejson adapters/*/*.proto)
$bin/buf generate --template proto/buf.gen.config.yaml

# Clients: only sluice.v1, without the options that servers and generators read.
clients/web/generate.sh
clients/python/generate.sh
