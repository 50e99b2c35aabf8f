// Modules from which `make generate` takes .proto files. Nothing of them is compiled.
module github.com/sluice-ai/sluice/ci/tools/protodeps

go 1.26.0

require (
	github.com/bufbuild/protovalidate v1.2.2
	github.com/grpc-ecosystem/grpc-gateway v1.16.0
)
