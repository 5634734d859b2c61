// Makes the calls of a file; ../suite/client.py says how.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// bytesCodec has messages that are bytes.
type bytesCodec struct{}

func (bytesCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (bytesCodec) Name() string                  { return "proto" }
func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte{}, data...)
	return nil
}

type answer struct {
	Code     int      `json:"code"`
	Message  string   `json:"message"`
	Answers  []string `json:"answers"`
	Details  string   `json:"details"`
	Trailers []string `json:"trailers"`
}

func makeCall(channel *grpc.ClientConn, line string) answer {
	fields := strings.Split(line, "\t")
	timeout, err := strconv.Atoi(fields[2])
	check(err)
	cancelAfter, err := strconv.Atoi(fields[4])
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(),
		time.Duration(timeout)*time.Millisecond)
	defer cancel()
	for _, pair := range strings.Split(fields[5], ",") {
		if name, value, found := strings.Cut(pair, "="); found {
			ctx = metadata.AppendToOutgoingContext(ctx, name, value)
		}
	}
	trailers := metadata.MD{}
	options := []grpc.CallOption{grpc.ForceCodec(bytesCodec{}),
		grpc.Trailer(&trailers), grpc.MaxCallRecvMsgSize(math.MaxInt32)}
	if fields[3] == "1" {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	var requests [][]byte
	if fields[6] != "-" {
		for _, text := range strings.Split(fields[6], ",") {
			request, err := hex.DecodeString(text)
			check(err)
			requests = append(requests, request)
		}
	}
	a := answer{Answers: []string{}, Trailers: []string{}}
	if fields[0] == "unary" {
		var response []byte
		err = channel.Invoke(ctx, fields[1], requests[0], &response, options...)
		if err == nil {
			a.Answers = append(a.Answers, hex.EncodeToString(response))
		}
	} else {
		err = stream(ctx, channel, fields[1], requests, options, func(response []byte) {
			a.Answers = append(a.Answers, hex.EncodeToString(response))
			if len(a.Answers) == cancelAfter {
				cancel()
			}
		})
	}
	end := status.Convert(err)
	a.Code, a.Message = int(end.Code()), end.Message()
	if err != nil && len(end.Details()) > 0 {
		details, err := proto.Marshal(end.Proto())
		check(err)
		a.Details = hex.EncodeToString(details)
	}
	for name := range trailers {
		if strings.HasPrefix(name, "latchkey-") {
			a.Trailers = append(a.Trailers, name)
		}
	}
	sort.Strings(a.Trailers)
	return a
}

// stream sends all requests and reads all answers.
func stream(ctx context.Context, channel *grpc.ClientConn, method string,
	requests [][]byte, options []grpc.CallOption, take func([]byte)) error {
	call, err := channel.NewStream(ctx,
		&grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method,
		options...)
	if err != nil {
		return err
	}
	go func() {
		for _, request := range requests {
			if call.SendMsg(request) != nil {
				return
			}
		}
		call.CloseSend()
	}()
	for {
		var response []byte
		if err := call.RecvMsg(&response); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		take(response)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	channel, err := grpc.Dial(os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy())
	check(err)
	defer channel.Close()
	text, err := os.ReadFile(os.Args[2])
	check(err)
	file, err := os.Create(os.Args[3])
	check(err)
	out := bufio.NewWriter(file)
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		encoded, err := json.Marshal(makeCall(channel, line))
		check(err)
		out.Write(append(encoded, '\n'))
	}
	check(out.Flush())
	check(file.Close())
}
