// The gRPC library's own retries, by the files in deploy/, from Go.
//
// The same cases stand in ../python and ../node.
package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "latchkey/interop/latchkeyv1"
)

const (
	retriesAll   = "service-config.json"
	retriesReads = "service-config-reads.json"

	writesSent = 300
	// For a try over a bad link; elsewhere it is `patience`.
	tryTimeout = time.Second
	// What a server that drains asks its callers to wait.
	pushback = 200 * time.Millisecond
)

// What a broken link shows as, when the retries of the library have not covered
// it.  Each other code is the server's answer.
var linkCodes = map[codes.Code]bool{
	codes.Unavailable: true, codes.DeadlineExceeded: true,
	codes.Internal: true, codes.Canceled: true, codes.Unknown: true,
}

// caller is a user of generated stubs, with no library of ours.
type caller struct {
	t       *testing.T
	stub    pb.CacheClient
	resends int
	replays int
}

func newCaller(t *testing.T, address, config string) *caller {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(
		os.Getenv("LATCHKEY_TEST_ROOT"), "deploy", config))
	check(t, err)
	channel, err := grpc.Dial(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(string(text)),
		// A caller with a bad link connects again sooner than after the
		// library's 1 s.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond,
				Multiplier: 1.6, MaxDelay: 100 * time.Millisecond},
			MinConnectTimeout: patience,
		}))
	check(t, err)
	t.Cleanup(func() { channel.Close() })
	return &caller{t: t, stub: pb.NewCacheClient(channel)}
}

// answer is what a call gave.
type answer[Response any] struct {
	response Response
	code     codes.Code
	trailers metadata.MD
}

func (a answer[Response]) replayed() bool {
	return len(a.trailers.Get("latchkey-replayed")) == 1
}

// call makes one call of a method, with a stamp if it is not empty.
func call[Request, Response any](
	method func(context.Context, Request, ...grpc.CallOption) (Response, error),
	request Request, stamp string, options ...grpc.CallOption,
) answer[Response] {
	return callWithin(patience, method, request, stamp, options...)
}

func callWithin[Request, Response any](timeout time.Duration,
	method func(context.Context, Request, ...grpc.CallOption) (Response, error),
	request Request, stamp string, options ...grpc.CallOption,
) answer[Response] {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if stamp != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "latchkey-stamp", stamp)
	}
	var a answer[Response]
	var err error
	a.response, err = method(ctx, request,
		append(options, grpc.Trailer(&a.trailers))...)
	a.code = status.Code(err)
	return a
}

func (c *caller) expect(got, want codes.Code) {
	c.t.Helper()
	if got != want {
		c.t.Fatalf("got %v, want %v", got, want)
	}
}

func (c *caller) stamp() string {
	c.t.Helper()
	a := call(c.stub.Get, &pb.GetRequest{Key: []byte("k")}, "?")
	c.expect(a.code, codes.OK)
	return a.trailers.Get("latchkey-stamp")[0]
}

// write sends a write until it is answered, with the same key and stamp.
func (c *caller) write(request *pb.IncrementRequest, stamp string) int64 {
	c.t.Helper()
	a := callWithin(tryTimeout, c.stub.Increment, request, stamp)
	for linkCodes[a.code] {
		if c.resends++; c.resends > 10*writesSent {
			c.t.Fatal("too many resends")
		}
		a = callWithin(tryTimeout, c.stub.Increment, request, stamp,
			grpc.WaitForReady(true))
	}
	c.expect(a.code, codes.OK)
	if a.replayed() {
		c.replays++
	}
	return a.response.Value
}

func (c *caller) counter(key string) int64 {
	c.t.Helper()
	a := call(c.stub.Get, &pb.GetRequest{Key: []byte(key)}, "")
	c.expect(a.code, codes.OK)
	value, err := strconv.ParseInt(string(a.response.Entry.Value), 10, 64)
	check(c.t, err)
	return value
}

// increment adds 1 to a counter; without an idempotency key where `write` is
// empty.
func increment(key, write string) *pb.IncrementRequest {
	zero := int64(0)
	return &pb.IncrementRequest{Key: []byte(key), Delta: 1, Initial: &zero,
		IdempotencyKey: []byte(write)}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func atLeast(t *testing.T, what string, got, least int) {
	t.Helper()
	if got < least {
		t.Errorf("%s: got %d, want at least %d", what, got, least)
	}
}

func TestKeyedWritesThroughABadLinkCountOnceEach(t *testing.T) {
	seed := os.Getenv("INTEROP_SEED")
	if seed == "" {
		seed = "1"
	}
	server := startServer(t)
	proxy := startProxy(t, server.address)
	c := newCaller(t, proxy.address, retriesAll)
	stamp := c.stamp()
	proxy.command("random", "seed="+seed, "bytes=2000", "reset=3",
		"lose-reply=3", "truncate=1", "mirror=40", "mirror-lag-ms=50")
	for number := int64(1); number <= writesSent; number++ {
		value := c.write(increment("n", fmt.Sprint("write-", number)), stamp)
		equal(t, "value", value, number)
	}
	proxy.command("random", "off")
	proxy.command("reset")
	// Late copies count too, if they can.
	counts := proxy.withoutMirrors()
	direct := newCaller(t, server.address, retriesAll)
	equal(t, "counter", direct.counter("n"), writesSent)
	fmt.Printf("figures: %d writes, seed %s, %d resets (%d of them for lost "+
		"replies), %d truncations, %d mirrored connections, %d replays, "+
		"%d resent by the caller\n", writesSent, seed, counts["resets"],
		counts["replies-lost"], counts["truncations"], counts["mirrored"],
		c.replays, c.resends)
	// The faults happened, and the library dealt with some by itself.
	atLeast(t, "replies lost", counts["replies-lost"], 3)
	atLeast(t, "resets", counts["resets"]-counts["replies-lost"], 3)
	atLeast(t, "mirrored", counts["mirrored"], 3)
	equal(t, "mirrors cut", counts["mirrors-cut"], 0)
	atLeast(t, "replays", c.replays, 3)
	atLeast(t, "faults", counts["resets"]+counts["truncations"], c.resends+1)
}

func TestTheRetryOfALostReplyIsAnsweredByAReplay(t *testing.T) {
	proxy := startProxy(t, startServer(t).address)
	c := newCaller(t, proxy.address, retriesAll)
	stamp := c.stamp()
	proxy.command("lose-replies", 1)
	a := call(c.stub.Increment, increment("n", "lost"), stamp)
	c.expect(a.code, codes.OK)
	equal(t, "value", a.response.Value, 1)
	equal(t, "replayed", a.replayed(), true)
	equal(t, "lost", proxy.command("counters")["replies-lost"], 1)
	equal(t, "counter", c.counter("n"), 1)
}

// Why the file for all retries is only for those who key all writes.
func TestWithoutAKeyTheRetryCountsTwice(t *testing.T) {
	proxy := startProxy(t, startServer(t).address)
	c := newCaller(t, proxy.address, retriesAll)
	c.stamp()
	proxy.command("lose-replies", 1)
	a := call(c.stub.Increment, increment("n", ""), "")
	c.expect(a.code, codes.OK)
	equal(t, "value", a.response.Value, 2)
}

func TestARefusalByADrainingServerIsRetriedAtAnother(t *testing.T) {
	server, other := startServer(t), startServer(t)
	proxy := startProxy(t, server.address)
	c := newCaller(t, proxy.address, retriesAll)
	count := func(number int64) int64 {
		request := increment("n", fmt.Sprint(number))
		a := call(c.stub.Increment, request, "")
		// A call that the server's end cut off shows as another code.
		for linkCodes[a.code] && a.code != codes.Unavailable {
			a = call(c.stub.Increment, request, "")
		}
		c.expect(a.code, codes.OK)
		return a.response.Value
	}
	equal(t, "value", count(0), 1)
	proxy.command("target", other.address)
	server.signal(syscall.SIGTERM)
	// Calls go on without a pause, so that one meets the drain; the other server
	// counts from 1 again.
	var longest time.Duration
	for number := int64(1); ; number++ {
		started := time.Now()
		value := count(number)
		if took := time.Since(started); took > longest {
			longest = took
		}
		if value == 1 {
			break
		}
		equal(t, "value", value, number+1)
	}
	// It waited for as long as the server asked for.
	if longest < pushback {
		t.Errorf("no call took longer than %v", longest)
	}
	server.wait()
}

func TestTheFileForReadsRetriesNoWrite(t *testing.T) {
	proxy := startProxy(t, startServer(t).address)
	c := newCaller(t, proxy.address, retriesReads)
	stamp := c.stamp()
	proxy.command("lose-replies", 1)
	got := call(c.stub.Get, &pb.GetRequest{Key: []byte("n")}, "")
	c.expect(got.code, codes.OK)
	equal(t, "lost", proxy.command("counters")["replies-lost"], 1)
	proxy.command("lose-replies", 1)
	a := call(c.stub.Increment, increment("n", "write"), stamp)
	equal(t, "the link's failure is shown", linkCodes[a.code], true)
	// It was applied, and the caller's own resend is a replay.
	c.write(increment("n", "write"), stamp)
	equal(t, "replays", c.replays, 1)
	equal(t, "counter", c.counter("n"), 1)
}

// The outcome of a keyed write is kept, so a second copy would be told that it
// is a replay.
func TestOtherCodesAreNotRetried(t *testing.T) {
	c := newCaller(t, startServer(t).address, retriesAll)
	for key, value := range map[string]string{"n": "10", "text": "no number"} {
		put := &pb.PutRequest{Key: []byte(key), Value: []byte(value)}
		c.expect(call(c.stub.Put, put, "").code, codes.OK)
	}
	five := int64(5)
	for code, request := range map[codes.Code]*pb.IncrementRequest{
		codes.NotFound:           {Key: []byte("none"), Delta: 1},
		codes.OutOfRange:         {Key: []byte("n"), Delta: 1, Max: &five},
		codes.FailedPrecondition: {Key: []byte("text"), Delta: 1},
	} {
		request.IdempotencyKey = []byte(code.String())
		for copy := 1; copy <= 2; copy++ {
			a := call(c.stub.Increment, request, "")
			c.expect(a.code, code)
			equal(t, code.String()+" replayed", a.replayed(), copy == 2)
		}
	}
	move := &pb.MoveRequest{SourceKey: []byte("n"),
		DestinationKey: []byte("text"), IdempotencyKey: []byte("move")}
	moved := call(c.stub.Move, move, "")
	c.expect(moved.code, codes.AlreadyExists)
	equal(t, "Move replayed", moved.replayed(), false)
	put := &pb.PutRequest{Key: []byte("n"), IdempotencyKey: []byte("put"),
		Precondition: &pb.Precondition{
			Condition: &pb.Precondition_Version{Version: 1}}}
	refused := call(c.stub.Put, put, "")
	c.expect(refused.code, codes.Aborted)
	equal(t, "Put replayed", refused.replayed(), false)
}

func TestACallWithALongDeadlineGetsTheOneOfTheFile(t *testing.T) {
	server := startServer(t)
	c := newCaller(t, server.address, retriesAll)
	c.stamp()
	server.freeze()
	// Its own deadline is far beyond what the file gives.
	started := time.Now()
	a := call(c.stub.Get, &pb.GetRequest{Key: []byte("k")}, "")
	c.expect(a.code, codes.DeadlineExceeded)
	if time.Since(started) > patience/2 {
		t.Error("it was the call's own deadline that ended it")
	}
}
