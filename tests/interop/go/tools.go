//go:build tools

// Names the programs that make the stubs, so that go.mod and go.sum say which
// they are.
package interop

import (
	_ "google.golang.org/grpc/cmd/protoc-gen-go-grpc"
	_ "google.golang.org/protobuf/cmd/protoc-gen-go"
)
