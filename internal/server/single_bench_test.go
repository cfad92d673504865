package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
)

// BenchmarkSingleAppend is what one append of one small event costs over
// loopback, the client's part small: one connection, the request made beforehand.
func BenchmarkSingleAppend(b *testing.B) {
	for _, withKey := range []bool{false, true} {
		b.Run(fmt.Sprintf("key=%v", withKey), func(b *testing.B) {
			log, err := firn.Open(b.TempDir(), firn.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			s := New(log, Options{Listen: []string{"127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)})
			if err := s.Listen(b.Context()); err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); _ = s.Run(ctx) }()
			defer func() { stop(); <-ended }()
			if _, err := log.CreateInstance(b.Context(), firn.Instance{Name: "bench"}); err != nil {
				b.Fatal(err)
			}
			head := "POST /v1/instances/bench/events HTTP/1.1\r\nHost: " + strings.TrimPrefix(s.URL(), "http://") + "\r\nContent-Type: application/json\r\n"
			if withKey {
				_, secret, err := s.Keys().Create(b.Context(), auth.Owner(), auth.NewKey{Name: "bench", Permissions: auth.All()})
				if err != nil {
					b.Fatal(err)
				}
				head += "Authorization: Bearer " + secret + "\r\n"
			}
			body := strings.Trim(benchEvents(1, false), "[]")
			request := fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://")) //nolint:noctx // a benchmark
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				if err := skipAnswer(in, "HTTP/1.1 201"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// skipAnswer reads an answer that bears its length, and allocates nothing for it.
func skipAnswer(in *bufio.Reader, begins string) error {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte(begins)) {
			return fmt.Errorf("%s", line)
		}
		if digits, is := bytes.CutPrefix(line, []byte("Content-Length: ")); is {
			for _, c := range bytes.TrimSpace(digits) {
				length = length*10 + int(c-'0')
			}
		}
		if len(line) == 2 {
			_, err := in.Discard(length)
			return err
		}
	}
}
