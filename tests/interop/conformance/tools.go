//go:build tools

// Names the programs that judge a server, so that go.mod and go.sum say which
// they are: the gRPC project's interop client, and h2spec.
package conformance

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
	_ "google.golang.org/grpc/interop/client"
)
